package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// Attempts of later clients: so many for life, with these pauses between them.
const (
	attemptsMax = 5
	firstPause  = 100 * time.Millisecond
)

type client struct {
	era           era
	address       string
	trust         *tls.Config
	group         string
	authorization string
	handler       http.Handler
}

func (c *client) run() {
	stopping, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	pause := firstPause
	for attempt := 1; ; attempt++ {
		registered, err := c.once(stopping)
		code, reason := closeOf(err)
		fmt.Println("ended", code, reason)
		switch {
		case stopping.Err() != nil:
			os.Exit(0)
		case c.era.readme && registered && code == int(closedInOrder):
			os.Exit(0)
		case c.era.readme && (!registered || code != int(closedForFailure)):
			os.Exit(1)
		case !c.era.readme && code == int(closedUnauthorized) && reason != "not found":
			os.Exit(1)
		case !c.era.readme && attempt == attemptsMax:
			os.Exit(1)
		case !c.era.readme:
			time.Sleep(pause + time.Duration(rand.Int63n(int64(pause)/10)))
			pause *= 2
		}
	}
}

// once registers and serves to the end, which is also that of the context. Which code a response has is looked at in the README's time only.
func (c *client) once(stopping context.Context) (registered bool, err error) {
	connection, err := quic.DialAddr(
		stopping,
		c.address,
		c.trust,
		&quic.Config{MaxIdleTimeout: c.era.idle, KeepAlivePeriod: c.era.keepAlive},
	)
	if err != nil {
		return false, err
	}
	closing := func() { connection.CloseWithError(closedInOrder, "") }
	defer closing()
	defer context.AfterFunc(stopping, closing)()
	stream, err := connection.OpenStream()
	if err != nil {
		return false, err
	}
	asked := request{Version: version, TunnelGroup: c.group}
	if c.authorization != "" {
		asked.Metadata = map[string]string{"Authorization": c.authorization}
	}
	if err := send(stream, &asked); err != nil {
		return false, err
	}
	var answer response
	if err := receive(stream, &answer); err != nil {
		return false, err
	}
	if c.era.readme && answer.Code != codeOK {
		return false, fmt.Errorf("code %d: %s", answer.Code, answer.Body)
	}
	stream.Close()
	fmt.Println("registered")
	return true, (&http3.Server{Handler: c.handler}).ServeQUICConn(connection)
}

// closeOf gives how the other side closed; -1 where it was something else that ended the connection.
func closeOf(err error) (code int, reason string) {
	var closed *quic.ApplicationError
	if errors.As(err, &closed) {
		return int(closed.ErrorCode), closed.ErrorMessage
	}
	return -1, fmt.Sprint(err)
}
