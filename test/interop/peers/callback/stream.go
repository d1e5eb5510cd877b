package main

import (
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	writeWait = 10 * time.Second
	readWait  = 60 * time.Second
	pingEvery = 54 * time.Second
)

// byteStream reads and writes a WebSocket as bytes: each write is one binary message, and on reading
// neither the kind of a message nor its borders mean anything. An empty message is the end.
type byteStream struct {
	conn *websocket.Conn
	// A client gives up after 60 s without bytes; on the server's side each pong renews the time.
	client  bool
	reader  io.Reader
	writing sync.Mutex
	closing sync.Once
	closed  chan struct{}
}

func newByteStream(conn *websocket.Conn, client bool) *byteStream {
	s := &byteStream{conn: conn, client: client, closed: make(chan struct{})}
	if !client {
		s.renew()
		conn.SetPongHandler(func(string) error { s.renew(); return nil })
		go s.pingForEver()
	}
	return s
}

func (s *byteStream) renew() { s.conn.SetReadDeadline(time.Now().Add(readWait)) }

func (s *byteStream) pingForEver() {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait))
		case <-s.closed:
			return
		}
	}
}

func (s *byteStream) Read(p []byte) (int, error) {
	s.renew()
	for {
		if s.reader == nil {
			_, reader, err := s.conn.NextReader()
			if err != nil {
				return 0, err
			}
			s.reader = reader
			n, err := s.read(p)
			if n == 0 && err == nil {
				return 0, io.EOF // an empty message
			}
			return n, err
		}
		if n, err := s.read(p); n > 0 || err != nil {
			return n, err
		}
	}
}

// read answers (0, nil) at the end of a message.
func (s *byteStream) read(p []byte) (int, error) {
	n, err := s.reader.Read(p)
	if err == io.EOF {
		s.reader, err = nil, nil
	}
	return n, err
}

func (s *byteStream) Write(p []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.conn.SetWriteDeadline(time.Now().Add(writeWait))
	if err := s.conn.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close closes the connection without a close frame.
func (s *byteStream) Close() error {
	s.closing.Do(func() { close(s.closed) })
	return s.conn.Close()
}

// copyBoth copies both ways, and returns when both directions have ended. It closes nothing before.
func copyBoth(a, b io.ReadWriter) {
	var both sync.WaitGroup
	both.Add(2)
	one := func(to io.Writer, from io.Reader) {
		defer both.Done()
		io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 1024))
	}
	go one(a, b)
	go one(b, a)
	both.Wait()
}
