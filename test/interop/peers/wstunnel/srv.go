package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

type request struct {
	id       int16
	bytes    *bytes.Buffer
	response chan *http.Response
}

// One token: its requests wait in one queue, from which all of its tunnels take.
type remote struct {
	sync.Mutex
	lastID  int16
	queue   chan *request
	pending map[int16]*request
}

type relay struct {
	sync.Mutex
	remotes     map[string]*remote
	wsTimeout   time.Duration
	httpTimeout time.Duration
}

func serve(listen string, wsTimeout, httpTimeout time.Duration) {
	relay := &relay{remotes: map[string]*remote{}, wsTimeout: wsTimeout, httpTimeout: httpTimeout}
	mux := http.NewServeMux()
	mux.HandleFunc("/_health_check", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "WSTUNSRV RUNNING")
	})
	mux.HandleFunc("/_tunnel", relay.tunnel)
	mux.HandleFunc("/_token/", func(w http.ResponseWriter, r *http.Request) {
		token, rest, found := strings.Cut(strings.TrimPrefix(r.RequestURI, "/_token/"), "/")
		if !found || token == "" {
			http.Error(w, "Missing token in URI", 400)
			return
		}
		r.URL, _ = r.URL.Parse("/" + rest)
		relay.forward(w, r, token)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("X-Token")
		if token == "" {
			http.Error(w, "Missing X-Token header", 400)
			return
		}
		relay.forward(w, r, token)
	})
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, mux))
}

func (s *relay) forward(w http.ResponseWriter, r *http.Request, token string) {
	s.Lock()
	remote := s.remotes[token]
	s.Unlock()
	if remote == nil {
		http.Error(w, "Tunnel not found (or not seen in a long time)", 404)
		return
	}
	asked := &request{bytes: &bytes.Buffer{}, response: make(chan *http.Response, 1)}
	remote.Lock()
	remote.lastID = (remote.lastID + 1) % 32000
	asked.id = remote.lastID
	remote.pending[asked.id] = asked
	remote.Unlock()
	defer func() {
		remote.Lock()
		delete(remote.pending, asked.id)
		remote.Unlock()
	}()
	if err := r.Write(asked.bytes); err != nil {
		http.Error(w, err.Error(), 500)
		return
	}
	select {
	case remote.queue <- asked:
	default:
		http.Error(w, "Too many requests in-flight, tunnel broken?", 504)
		return
	}
	select {
	case response := <-asked.response:
		for name, values := range response.Header {
			w.Header()[name] = values
		}
		for _, name := range []string{"Connection", "Keep-Alive", "Te", "Trailers", "Transfer-Encoding"} {
			w.Header().Del(name)
		}
		w.WriteHeader(response.StatusCode)
		io.Copy(w, response.Body)
	case <-time.After(s.httpTimeout):
		http.Error(w, "Tunnel timeout", 504)
	}
}

func (s *relay) tunnel(w http.ResponseWriter, r *http.Request) {
	token := r.Header.Get("Origin")
	if len(token) < 16 {
		http.Error(w, "Rendez-vous token is too short (must be 16 chars)", 400)
		return
	}
	upgrader := websocket.Upgrader{
		ReadBufferSize:  100 * 1024,
		WriteBufferSize: 100 * 1024,
		CheckOrigin:     func(*http.Request) bool { return true },
	}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	s.Lock()
	if s.remotes[token] == nil {
		s.remotes[token] = &remote{queue: make(chan *request, 20), pending: map[int16]*request{}}
	}
	remote := s.remotes[token]
	s.Unlock()
	ws.SetReadLimit(messageMax)
	gone := make(chan struct{})
	end := time.AfterFunc(s.wsTimeout, func() {
		ws.WriteControl(websocket.CloseMessage, nil, time.Now().Add(time.Second))
		time.AfterFunc(5*time.Second, func() { ws.Close() })
	})
	ws.SetPingHandler(func(text string) error {
		end.Reset(s.wsTimeout)
		return ws.WriteControl(websocket.PongMessage, []byte(text), time.Now().Add(time.Second))
	})
	go remote.write(ws, gone)
	remote.read(ws)
	close(gone)
	end.Stop()
	ws.Close()
}

func (t *remote) write(ws *websocket.Conn, gone chan struct{}) {
	for {
		select {
		case <-gone:
			return
		case asked := <-t.queue:
			message, err := ws.NextWriter(websocket.BinaryMessage)
			if err == nil {
				fmt.Fprintf(message, "%04x", asked.id)
				io.Copy(message, asked.bytes)
				err = message.Close()
			}
			if err != nil {
				ws.Close()
				return
			}
		}
	}
}

func (t *remote) read(ws *websocket.Conn) {
	for {
		kind, message, err := ws.NextReader()
		if err != nil || kind != websocket.BinaryMessage {
			return
		}
		bytesOf, err := io.ReadAll(message)
		if err != nil || len(bytesOf) < 4 {
			return
		}
		id, err := strconv.ParseInt(string(bytesOf[:4]), 16, 16)
		if err != nil {
			return
		}
		t.Lock()
		asked := t.pending[int16(id)]
		t.Unlock()
		if asked == nil {
			continue
		}
		response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(bytesOf[4:])), nil)
		if err != nil {
			response = &http.Response{StatusCode: 506, Body: io.NopCloser(strings.NewReader(""))}
		}
		asked.response <- response
	}
}
