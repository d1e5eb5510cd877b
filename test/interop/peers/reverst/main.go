// A server and a client that speak the protocol of reverst, written from what is known of its wire and
// its habits, on the libraries that it is built on: quic-go with its HTTP/3, and msgpack. Its own
// sources cannot be had from the Go module proxy.
//
//	reverst server -certificate-path FILE -private-key-path FILE -group "NAME HOST[,HOST] [basic USER PASSWORD | bearer TOKEN]"... -era head|readme
//	reverst client -tunnel-address HOST:PORT -server-name NAME -group NAME -cacert-path FILE -username USER -password PASSWORD -token TOKEN -target URL -era head|readme
//
// A server prints `listening UDP-PORT TCP-PORT` and then, for each client, `registered NAME` and
// `gone NAME`. A client prints `registered` each time that it is, `ended CODE REASON` each time that
// its connection or its attempt ends, and leaves with 1 when it gives up. Without -target a client
// answers by itself (see handler.go), as the example of the README does; with it, it is a proxy to that
// place, as the later command line is. -max-idle-timeout and -keep-alive-period are those of the
// originals' commands.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"
)

// era is what one version does otherwise than another.
type era struct {
	readme          bool
	idle, keepAlive time.Duration
}

// The README's time has the two durations swapped by mistake.
func newEra(name string, idle, keepAlive time.Duration) era {
	if name == "readme" {
		return era{true, keepAlive, idle}
	}
	return era{false, idle, keepAlive}
}

type repeated []string

func (r *repeated) String() string { return "" }

func (r *repeated) Set(value string) error {
	*r = append(*r, value)
	return nil
}

func main() {
	if len(os.Args) < 2 {
		fail("server or client")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	tunnel := flags.String("tunnel-address", "127.0.0.1:0", "")
	public := flags.String("http-address", "127.0.0.1:0", "")
	certificate := flags.String("certificate-path", "", "")
	key := flags.String("private-key-path", "", "")
	name := flags.String("server-name", "", "")
	authority := flags.String("cacert-path", "", "")
	username := flags.String("username", "", "")
	password := flags.String("password", "", "")
	token := flags.String("token", "", "")
	target := flags.String("target", "", "")
	idle := flags.Duration("max-idle-timeout", time.Minute, "")
	keepAlive := flags.Duration("keep-alive-period", 30*time.Second, "")
	eraName := flags.String("era", "head", "")
	var groups repeated
	flags.Var(&groups, "group", "")
	flags.Parse(os.Args[2:])
	// Requests that were given up are nothing that the output of tests should be full of.
	log.SetOutput(io.Discard)
	switch os.Args[1] {
	case "server":
		serve(newEra(*eraName, *idle, *keepAlive), *tunnel, *public, *certificate, *key, groups)
	case "client":
		if len(groups) != 1 {
			fail("one -group")
		}
		it := client{
			era:           newEra(*eraName, *idle, *keepAlive),
			address:       *tunnel,
			trust:         trust(*name, *authority),
			group:         groups[0],
			authorization: authorization(*username, *password, *token),
			handler:       answerer(*target),
		}
		it.run()
	default:
		fail("server or client")
	}
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, "reverst peer:", why)
	os.Exit(1)
}
