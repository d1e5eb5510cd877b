package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/quic-go/quic-go"
)

type server struct {
	era    era
	byName map[string]*group
}

func serve(era era, tunnel, public, certificate, key string, written []string) {
	byName, byHost := readGroups(written)
	it := &server{era, byName}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		fail(err)
	}
	listener, err := quic.ListenAddrEarly(
		tunnel,
		&tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{protocol}},
		&quic.Config{MaxIdleTimeout: era.idle, KeepAlivePeriod: era.keepAlive},
	)
	if err != nil {
		fail(err)
	}
	consumers, err := net.Listen("tcp", public)
	if err != nil {
		fail(err)
	}
	fmt.Println("listening", listener.Addr().(*net.UDPAddr).Port, consumers.Addr().(*net.TCPAddr).Port)
	go http.Serve(consumers, newFront(era, byHost))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var connections []quic.Connection
	for {
		connection, err := listener.Accept(ctx)
		if err != nil {
			break
		}
		connections = append(connections, connection)
		// One after the other: whoever says nothing holds up the rest, as in the originals.
		it.register(connection)
	}
	for _, connection := range connections {
		connection.CloseWithError(closedInOrder, "server closing down")
	}
	listener.Close()
	os.Exit(0)
}

func (s *server) register(connection quic.Connection) {
	stream, err := connection.AcceptStream(context.Background())
	if err != nil {
		connection.CloseWithError(closedForFailure, err.Error())
		return
	}
	var asked request
	if err := receive(stream, &asked); err != nil {
		for inner := err; inner != nil; inner = errors.Unwrap(inner) {
			err = inner
		}
		connection.CloseWithError(closedForFailure, err.Error())
		return
	}
	it, known := s.byName[asked.TunnelGroup]
	if !known {
		s.unknown(connection, stream, asked.TunnelGroup)
		return
	}
	if it.wanted != "" && asked.Metadata["Authorization"] != it.wanted {
		code := closedUnauthorized
		if s.era.readme {
			code = closedForFailure
		}
		connection.CloseWithError(code, "unauthorized")
		return
	}
	if err := send(stream, &response{Version: version, Code: codeOK}); err != nil {
		connection.CloseWithError(closedForFailure, err.Error())
		return
	}
	stream.Close()
	joined := it.join(connection)
	fmt.Println("registered", it.name)
	go func() {
		<-connection.Context().Done()
		it.leave(joined)
		fmt.Println("gone", it.name)
	}()
}

// unknown says so in a response in the README's time, and by the close alone later.
func (s *server) unknown(connection quic.Connection, stream quic.Stream, name string) {
	if !s.era.readme {
		connection.CloseWithError(closedForFailure, "not found")
		return
	}
	text := fmt.Sprintf("unknown tunnel group: %q", name)
	send(stream, &response{Version: version, Code: codeServerError, Body: []byte(text)})
	stream.Close()
	connection.CloseWithError(closedForFailure, text)
}
