// A real mail server for the tests of `portal::mail`, on a free port of loopback. It tells what happens on standard
// output, one JSON object a line, and ends when its standard input does.
//
// node smtp_server.mjs '{"behaviours": ["temporary", "accept"], "secure": true, "key": "key.pem", "cert": "cert.pem"}'
//
// The n-th connection meets the n-th behaviour, the last one repeats:
//   accept      takes the mail
//   refuse      answers 550 to the recipient, and repeats the address as servers do
//   temporary   answers 451 to the recipient
//   silent      reads the mail and never answers
//   cut-data    closes the connection at the first byte of the mail
//   cut-answer  reads the whole mail and closes the connection instead of answering

import { readFileSync } from "node:fs";
import { SMTPServer } from "smtp-server";

const options = { behaviours: ["accept"], ...JSON.parse(process.argv[2] ?? "{}") };
const say = (event, more = {}) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
const sockets = new Set();
let connections = 0;

const answer = (code, text) => Object.assign(new Error(text), { responseCode: code });
const cut = () => sockets.forEach((socket) => socket.destroy());

const server = new SMTPServer({
  secure: options.secure ?? false,
  key: options.key && readFileSync(options.key),
  cert: options.cert && readFileSync(options.cert),
  hideSTARTTLS: !options.starttls,
  disabledCommands: options.starttls ? [] : ["STARTTLS"],
  authOptional: !options.password,
  disableReverseLookup: true,
  logger: false,
  onConnect(session, done) {
    session.behaviour = options.behaviours[Math.min(connections, options.behaviours.length - 1)];
    connections += 1;
    say("connected", { hello: session.hostNameAppearsAs });
    done();
  },
  onAuth({ username, password }, session, done) {
    if (password !== options.password) return done(answer(535, "Wrong name or password"));
    done(null, { user: username });
  },
  onRcptTo({ address }, session, done) {
    if (session.behaviour === "refuse") return done(answer(550, `5.1.1 <${address}>: no such mailbox`));
    if (session.behaviour === "temporary") return done(answer(451, `4.7.1 <${address}>: come back later`));
    done();
  },
  onData(stream, session, done) {
    const chunks = [];
    stream.on("data", (chunk) => {
      chunks.push(chunk);
      if (session.behaviour === "cut-data") cut();
    });
    stream.on("end", () => {
      if (session.behaviour === "cut-data") return;
      const { mailFrom, rcptTo } = session.envelope;
      say("message", {
        behaviour: session.behaviour,
        secure: session.secure,
        user: session.user ?? null,
        from: mailFrom.address,
        to: rcptTo.map((recipient) => recipient.address),
        raw: Buffer.concat(chunks).toString("utf8"),
      });
      if (session.behaviour === "cut-answer") return cut();
      if (session.behaviour !== "silent") done(null, "Taken");
    });
  },
});

server.server.on("connection", (socket) => {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
});
// A client that breaks off, or does not trust the certificate, is what some tests are about.
server.on("error", (error) => say("error", { code: error.code, message: error.message }));
server.listen(0, "127.0.0.1", () => say("listening", { port: server.server.address().port }));

process.stdin.on("end", () => process.exit(0)).resume();
