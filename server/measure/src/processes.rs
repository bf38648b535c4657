//! The processes that are measured: starting them on a core, waiting for them, the CPU time that they took.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A process that ends with this value.
pub struct Running(Child);

impl Running {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    /// Waits until it listens.
    pub fn listening(mut self, port: u16) -> Self {
        for _ in 0..1_000 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return self;
            }
            assert!(self.0.try_wait().unwrap().is_none(), "what should listen on port {port} has ended");
            #[expect(clippy::disallowed_methods, reason = "nothing tells when another program listens")]
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nothing listens on port {port}");
    }

    /// User and system time of the process and its children, in seconds.
    pub fn cpu(&self) -> f64 {
        let own = self.0.id().to_string();
        let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let stats = all.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
        let ticks: u64 = stats
            .filter_map(|stat| {
                // proc_pid_stat(5): after the name in parentheses come state, parent, …, utime (14), stime (15).
                let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
                let is_ours = stat.split_whitespace().next() == Some(&own) || fields.get(1) == Some(&own.as_str());
                is_ours.then(|| Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?))?
            })
            .sum();
        // Linux counts in hundredths on every machine of ours (`getconf CLK_TCK`).
        ticks as f64 / 100.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A master process of nginx ends its worker only when it is asked in good order.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// A command that runs on this core alone.
pub fn pinned(core: usize, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), program]);
    command
}

/// Whether a program of this name is there.
pub fn installed(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status().unwrap().success()
}

/// Whoever listens on a port of ours would be measured in a contender's place.
pub fn assert_free(port: u16) {
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "port {port} is taken: end what listens there");
}
