package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/hashicorp/yamux"
)

// server is a callbackserver with the habits of the old one: whoever asks for an unknown id is
// upgraded all the same and hears nothing, and a second holder of an id is upgraded and cut off.
type server struct {
	lock     sync.Mutex
	sessions map[string]*yamux.Session
	upgrader websocket.Upgrader
}

func serve(listen string) {
	s := &server{sessions: map[string]*yamux.Session{}}
	s.upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/callback/", s.callback)
	mux.HandleFunc("/api/v1/connect/", s.connect)
	mux.HandleFunc("/api/v1/callback", s.list)
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, mux))
}

func (s *server) upgrade(w http.ResponseWriter, r *http.Request) (*byteStream, string) {
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil, ""
	}
	return newByteStream(conn, false), r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
}

// list answers with the ids only: who reads it wants to know which are registered.
func (s *server) list(w http.ResponseWriter, _ *http.Request) {
	s.lock.Lock()
	defer s.lock.Unlock()
	sessions := map[string]struct{}{}
	for id := range s.sessions {
		sessions[id] = struct{}{}
	}
	json.NewEncoder(w).Encode(map[string]any{"sequence_num": 0, "sessions": sessions})
}

func (s *server) find(id string) *yamux.Session {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.sessions[id]
}

func (s *server) callback(w http.ResponseWriter, r *http.Request) {
	stream, id := s.upgrade(w, r)
	if stream == nil {
		return
	}
	defer stream.Close()
	if held := s.find(id); held != nil && !held.IsClosed() {
		log.Print("Callback session already exists and is active.")
		return
	}
	// The roles are swapped: the server opens the streams.
	session, err := yamux.Client(stream, muxConfig())
	if err != nil {
		return
	}
	s.lock.Lock()
	s.sessions[id] = session
	s.lock.Unlock()
	fmt.Println("registered " + id)
	<-session.CloseChan()
	s.lock.Lock()
	delete(s.sessions, id)
	s.lock.Unlock()
}

func (s *server) connect(w http.ResponseWriter, r *http.Request) {
	stream, id := s.upgrade(w, r)
	if stream == nil {
		return
	}
	session := s.find(id)
	if session == nil {
		log.Print("Requested callback session does not exist.")
		return
	}
	defer stream.Close()
	target, err := session.Open()
	if err != nil {
		return
	}
	defer target.Close()
	copyBoth(stream, target)
}
