package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"nhooyr.io/websocket"
)

// active counts the tunnels of this process.
var active int64

// join copies both ways. The first end of a direction ends both, as the original has it: there is no
// half-close, and what is on its way in the other direction is lost.
func join(socket *websocket.Conn, local net.Conn) {
	log.Printf("plumbing start, active %d", atomic.AddInt64(&active, 1))
	began := time.Now()
	remote := websocket.NetConn(context.Background(), socket, websocket.MessageBinary)
	ended := make(chan error, 2)
	one := func(to io.Writer, from io.Reader) {
		// Neither side may choose sizes of its own: messages hold 32768 bytes at most.
		_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 32768))
		ended <- err
	}
	go one(remote, local)
	go one(local, remote)
	err := <-ended
	remote.Close()
	local.Close()
	atomic.AddInt64(&active, -1)
	log.Printf("plumbing end, lasted %v: %v", time.Since(began), err)
}

func serve(address string, allowed []string, most int64) {
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "{\n  \"connections\": %d\n}\n", atomic.LoadInt64(&active))
	})
	mux.HandleFunc("/tunnel/", func(w http.ResponseWriter, r *http.Request) {
		if now := atomic.LoadInt64(&active); now >= most {
			log.Printf("rejecting client since we have %d connections", now)
			http.Error(w, "too many proxied connections", http.StatusTooManyRequests)
			return
		}
		tunnel(w, r, allowed)
	})
	log.Fatal(http.Serve(listen(address), mux))
}

func tunnel(w http.ResponseWriter, r *http.Request, allowed []string) {
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"sokken"}})
	if err != nil {
		log.Printf("websocket.Accept error: %v", err)
		return
	}
	if !strings.EqualFold(socket.Subprotocol(), "sokken") {
		socket.Close(websocket.StatusPolicyViolation, "client not using sokken subprotocol")
		return
	}
	target := strings.TrimPrefix(r.URL.Path, "/tunnel/")
	for _, address := range allowed {
		if address != target {
			continue
		}
		local, err := net.Dial("tcp", target)
		if err != nil {
			// Nothing is sent, and the connection is left to itself.
			log.Printf("Dial error: %v", err)
			return
		}
		join(socket, local)
		return
	}
	log.Printf("target address not allowed: %s", target)
	socket.Close(websocket.StatusInternalError, "target address not allowed")
}

// carry leads every connection to a tunnel of its own. At the limit it stops listening for good.
func carry(listener net.Listener, url string, most int64) {
	for {
		local, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		if now := atomic.LoadInt64(&active); now >= most {
			log.Printf("rejecting client since we have %d connections", now)
			local.Close()
			listener.Close()
			return
		}
		go func() {
			options := &websocket.DialOptions{Subprotocols: []string{"sokken"}}
			socket, _, err := websocket.Dial(context.Background(), url, options)
			if err != nil {
				log.Printf("failed to dialAndPlumb: %v", err)
				local.Close()
				return
			}
			join(socket, local)
		}()
	}
}
