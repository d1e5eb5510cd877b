package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"os"

	"github.com/quic-go/quic-go"
	"github.com/vmihailenco/msgpack/v5"
)

const (
	protocol = "quic-h3-tunnel"
	version  = 1

	codeOK          = 0
	codeServerError = 3

	closedInOrder      = quic.ApplicationErrorCode(0)
	closedForFailure   = quic.ApplicationErrorCode(1)
	closedUnauthorized = quic.ApplicationErrorCode(2)
)

// The fields and their order are what goes over the wire.
type request struct {
	Version     uint8
	TunnelGroup string
	Metadata    map[string]string
}

type response struct {
	Version  uint8
	Code     uint8
	Metadata map[string]string
	Body     []byte
}

func send(stream quic.Stream, value any) error { return msgpack.NewEncoder(stream).Encode(value) }

func receive(stream quic.Stream, value any) error { return msgpack.NewDecoder(stream).Decode(value) }

// What a client says about who it is; nothing where it has nothing to say.
func authorization(username, password, token string) string {
	switch {
	case username != "":
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
	case token != "":
		return "Bearer " + token
	}
	return ""
}

func trust(name, authority string) *tls.Config {
	roots, err := x509.SystemCertPool()
	if err != nil {
		fail(err)
	}
	if authority != "" {
		pem, err := os.ReadFile(authority)
		if err != nil {
			fail(err)
		}
		roots.AppendCertsFromPEM(pem)
	}
	return &tls.Config{RootCAs: roots, ServerName: name, NextProtos: []string{protocol}}
}
