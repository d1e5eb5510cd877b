package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// answerer is a proxy to the target, or, where there is none, an application of its own:
//
//	/whoami /noise/N /chunks/N /digest /echo /slow/MS /events /trailers /early /status/N
//
// answer as the tests' origin does; anything else with PONG.
func answerer(target string) http.Handler {
	if target != "" {
		to, err := url.Parse(target)
		if err != nil {
			fail(err)
		}
		return &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(to)
			p.Out.Host = p.In.Host
			p.Out.Header["X-Forwarded-For"] = p.In.Header["X-Forwarded-For"]
			p.SetXForwarded()
		}}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(r.URL.Path, "/")
		number, _ := strconv.Atoi(parts[len(parts)-1])
		switch parts[1] {
		case "whoami":
			fmt.Fprint(w, "peer ", os.Getpid())
		case "noise":
			w.Header().Set("Content-Length", strconv.Itoa(number))
			writeNoise(w, number)
		case "chunks":
			writeNoise(w, number)
		case "digest":
			hash := sha256.New()
			if _, err := io.Copy(hash, r.Body); err == nil {
				fmt.Fprint(w, hex.EncodeToString(hash.Sum(nil)))
			}
		case "echo":
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			copyAtOnce(w, r.Body)
		case "slow":
			select {
			case <-time.After(time.Duration(number) * time.Millisecond):
				fmt.Fprint(w, "late")
			case <-r.Context().Done():
			}
		case "events":
			events(w, r)
		case "trailers":
			hash := sha256.New()
			w.Header().Set("Trailer", "X-Digest")
			w.(http.Flusher).Flush()
			io.Copy(io.MultiWriter(hash, w), r.Body)
			w.Header().Set("X-Digest", hex.EncodeToString(hash.Sum(nil)))
		case "early":
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			fmt.Fprint(w, "after the hint")
		case "status":
			w.WriteHeader(number)
		default:
			fmt.Fprint(w, "PONG")
		}
	})
}

func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "data: first\n\n")
	w.(http.Flusher).Flush()
	select {
	case <-time.After(30 * time.Second):
		fmt.Fprint(w, "data: second\n\n")
	case <-r.Context().Done():
	}
}

func copyAtOnce(w http.ResponseWriter, from io.Reader) {
	piece := make([]byte, 32*1024)
	for {
		count, err := from.Read(piece)
		if _, failed := w.Write(piece[:count]); failed != nil {
			return
		}
		w.(http.Flusher).Flush()
		if err != nil {
			return
		}
	}
}

const blockBytes = 64 * 1024

// block is what the numbered blocks of noise are made from: the same bytes as those of the tests.
var block = func() []byte {
	bytes := make([]byte, blockBytes)
	state := uint32(0x9e3779b9)
	for at := 0; at < blockBytes; at += 4 {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		binary.LittleEndian.PutUint32(bytes[at:], state)
	}
	return bytes
}()

func writeNoise(w io.Writer, total int) {
	piece := append([]byte(nil), block...)
	for index := 0; total > 0; index++ {
		copy(piece, block)
		count := min(total, blockBytes)
		if count >= 4 {
			binary.LittleEndian.PutUint32(piece, uint32(index))
		}
		if _, err := w.Write(piece[:count]); err != nil {
			return
		}
		total -= count
	}
}
