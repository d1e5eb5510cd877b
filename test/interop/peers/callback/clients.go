package main

import (
	"io"
	"log"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hashicorp/yamux"
)

func dial(server, list, id string) (*byteStream, error) {
	base, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
	}
	target, err := base.Parse("api/v1/" + list + "/" + id)
	if err != nil {
		return nil, err
	}
	target.Scheme = strings.Replace(target.Scheme, "http", "ws", 1)
	dialer := websocket.Dialer{HandshakeTimeout: 5 * time.Second, ReadBufferSize: 1024, WriteBufferSize: 1024}
	conn, _, err := dialer.Dial(target.String(), nil)
	if err != nil {
		return nil, err
	}
	return newByteStream(conn, true), nil
}

// reverse stays registered: after each end it connects again a second later.
func reverse(server, id, connect string) {
	for {
		err := serveOnce(server, id, connect)
		log.Print("Disconnected due to error: ", err)
		time.Sleep(time.Second)
		log.Print("Attempting to reconnect.")
	}
}

func serveOnce(server, id, connect string) error {
	stream, err := dial(server, "callback", id)
	if err != nil {
		return err
	}
	defer stream.Close()
	mux, err := yamux.Server(stream, muxConfig())
	if err != nil {
		return err
	}
	log.Print("Established callback mux session.")
	for {
		user, err := mux.Accept()
		if err != nil {
			return err
		}
		// One after the other: a slow target holds up whoever comes later.
		target, err := net.Dial("tcp", connect)
		if err != nil {
			log.Print("target: ", err)
			user.Close()
			continue
		}
		go func() {
			copyBoth(user, target)
			user.Close()
			target.Close()
		}()
	}
}

type stdio struct{}

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }

// proxy ends with the connection; the end of its input alone does not end it.
func proxy(server, id string) {
	stream, err := dial(server, "connect", id)
	if err != nil {
		log.Fatal("Failed to connect to callback server: ", err)
	}
	go io.CopyBuffer(struct{ io.Writer }{stream}, stdio{}, make([]byte, 1024))
	_, err = io.CopyBuffer(stdio{}, struct{ io.Reader }{stream}, make([]byte, 1024))
	stream.Close()
	if err != nil {
		log.Fatal("Disconnected due to error: ", err)
	}
}

// forward joins each connection to a local port to the id, so that whatever knows TCP can measure a
// server. It copies in large pieces: it is not what is measured.
func forward(listen, server, id string) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		log.Fatal(err)
	}
	for {
		local, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer local.Close()
			stream, err := dial(server, "connect", id)
			if err != nil {
				log.Print(err)
				return
			}
			defer stream.Close()
			ended := make(chan struct{}, 2)
			one := func(to io.Writer, from io.Reader) {
				io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 64*1024))
				ended <- struct{}{}
			}
			go one(local, stream)
			go one(stream, local)
			<-ended
		}()
	}
}

func muxConfig() *yamux.Config {
	config := yamux.DefaultConfig()
	config.LogOutput = os.Stderr
	return config
}
