// What a team writes in Go, with nothing but its standard library, for the same job as the gateway: a keyed hash of the
// presented key, a map of keys, two limits by GCRA, a quota, headers that tell them, a buffered line of log a request.
//
// Usage: peer-go LISTEN UPSTREAM KEYS LOG, where KEYS has a key and its caller on every line.
package main

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Never reached, so that every request is answered alike.
	plenty = 1_000_000_000
	window = 60 * time.Second
	policy = `"plan";q=1000000000;w=60, "key";q=1000000000;w=60, "quota";q=1000000000;w=2592000`
	prefix = "Bearer "
)

type caller struct {
	name  string
	plan  meter
	key   meter
	spent atomic.Int64
}

// A limit by GCRA: the moment, in thousandths of nanoseconds since the start, at which everything was given back.
type meter struct{ at atomic.Int64 }

const interval = int64(window) * 1000 / plenty

// take says how many more there are, or that there is none.
func (m *meter) take(now int64) (int64, bool) {
	for {
		before := m.at.Load()
		after := max(before, now) + interval
		if after-now > int64(window)*1000 {
			return 0, false
		}
		if m.at.CompareAndSwap(before, after) {
			return (int64(window)*1000 - (after - now)) / interval, true
		}
	}
}

type gateway struct {
	callers map[[sha256.Size]byte]*caller
	hashers sync.Pool
	proxy   *httputil.ReverseProxy
	start   time.Time
	lock    sync.Mutex
	rows    *bufio.Writer
}

func (g *gateway) hash(key string) (sum [sha256.Size]byte) {
	hasher := g.hashers.Get().(hash.Hash)
	hasher.Reset()
	hasher.Write([]byte(key))
	hasher.Sum(sum[:0])
	g.hashers.Put(hasher)
	return sum
}

// row is what the answer is written through, so that its status and size can be told.
type row struct {
	http.ResponseWriter
	status int
	bytes  int
}

func (r *row) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *row) Write(data []byte) (int, error) {
	written, err := r.ResponseWriter.Write(data)
	r.bytes += written
	return written, err
}

func (r *row) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (g *gateway) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	at := time.Now()
	written := &row{ResponseWriter: answer, status: http.StatusOK}
	name := g.decide(written, request, at)
	if name != "" {
		g.proxy.ServeHTTP(written, request)
	}
	g.record(written, request, name, at)
}

// decide names the caller, or refuses.
func (g *gateway) decide(answer http.ResponseWriter, request *http.Request, at time.Time) string {
	text, found := strings.CutPrefix(request.Header.Get("Authorization"), prefix)
	if !found || !(strings.HasPrefix(text, "cs_live_") || strings.HasPrefix(text, "cs_test_")) {
		http.Error(answer, "no key", http.StatusUnauthorized)
		return ""
	}
	who := g.callers[g.hash(text)]
	if who == nil {
		http.Error(answer, "unknown key", http.StatusUnauthorized)
		return ""
	}
	now := int64(at.Sub(g.start)) * 1000
	plan, one := who.plan.take(now)
	key, two := who.key.take(now)
	spent := who.spent.Add(1)
	if !one || !two || spent > plenty {
		http.Error(answer, "limited", http.StatusTooManyRequests)
		return ""
	}
	line := make([]byte, 0, 96)
	line = strconv.AppendInt(append(line, `"plan";r=`...), plan, 10)
	line = strconv.AppendInt(append(line, `;t=1, "key";r=`...), key, 10)
	line = strconv.AppendInt(append(line, `;t=1, "quota";r=`...), plenty-spent, 10)
	headers := answer.Header()
	headers["Ratelimit-Policy"] = []string{policy}
	headers["Ratelimit"] = []string{string(append(line, ";t=1000"...))}
	request.Header.Del("Authorization")
	request.Header["X-Caller"] = []string{who.name}
	return who.name
}

func (g *gateway) record(written *row, request *http.Request, name string, at time.Time) {
	var id [16]byte
	rand.Read(id[:])
	line := make([]byte, 0, 256)
	line = strconv.AppendInt(append(line, `{"at":`...), at.UnixMilli(), 10)
	line = hex.AppendEncode(append(line, `,"id":"`...), id[:])
	line = append(append(line, `","caller":"`...), name...)
	line = append(append(line, `","method":"`...), request.Method...)
	line = strconv.AppendQuote(append(line, `","path":`...), request.URL.Path)
	line = strconv.AppendInt(append(line, `,"status":`...), int64(written.status), 10)
	line = strconv.AppendInt(append(line, `,"us":`...), time.Since(at).Microseconds(), 10)
	line = strconv.AppendInt(append(line, `,"bytes":`...), int64(written.bytes), 10)
	line = append(line, "}\n"...)
	g.lock.Lock()
	g.rows.Write(line)
	g.lock.Unlock()
}

// buffers lends the proxy what it copies bodies with.
type buffers struct{ sync.Pool }

func (b *buffers) Get() []byte     { return *b.Pool.Get().(*[]byte) }
func (b *buffers) Put(data []byte) { b.Pool.Put(&data) }

func main() {
	listen, upstream, keys, rows := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	target, err := url.Parse(upstream)
	check(err)
	file, err := os.Create(rows)
	check(err)
	g := &gateway{callers: map[[sha256.Size]byte]*caller{}, start: time.Now(), rows: bufio.NewWriterSize(file, 64<<10)}
	g.hashers.New = func() any { return hmac.New(sha256.New, []byte("pepper")) }
	text, err := os.ReadFile(keys)
	check(err)
	for line := range strings.Lines(string(text)) {
		key, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		g.callers[g.hash(key)] = &caller{name: name}
	}
	lent := &buffers{}
	lent.New = func() any { data := make([]byte, 32<<10); return &data }
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	g.proxy = &httputil.ReverseProxy{
		Rewrite:    func(request *httputil.ProxyRequest) { request.SetURL(target) },
		BufferPool: lent,
		// A caller that goes away is no news.
		ErrorLog: log.New(io.Discard, "", 0),
		Transport: &http.Transport{
			DialContext:         func(ctx context.Context, kind, to string) (net.Conn, error) { return dialer.DialContext(ctx, kind, to) },
			MaxIdleConns:        128,
			MaxIdleConnsPerHost: 128,
			DisableCompression:  true,
		},
	}
	go func() {
		for range time.Tick(time.Second) {
			g.lock.Lock()
			g.rows.Flush()
			g.lock.Unlock()
		}
	}()
	check(http.ListenAndServe(listen, g))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
