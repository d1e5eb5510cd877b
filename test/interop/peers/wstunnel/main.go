// A server and a client that speak the protocol of WStunnel, written from what is known of its wire
// and its habits, with the WebSocket library that it uses, in its version, and net/http as it uses
// it: its own sources cannot be had from the Go module proxy.
//
//	wstunnel srv -listen 127.0.0.1:0 -wstimeout 30 -httptimeout 1200
//	wstunnel cli -tunnel ws://127.0.0.1:8080 -token TOKEN -server http://127.0.0.1:80 -regexp RE -timeout 30 -proxy URL
//
// It prints `listening PORT`, or `ready` each time a tunnel stands.
package main

import (
	"flag"
	"log"
	"os"
	"time"
)

// What both ends take as one message.
const messageMax = 100 * 1024 * 1024

func main() {
	if len(os.Args) < 2 {
		log.Fatal("srv or cli")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "")
	wsTimeout := flags.Int("wstimeout", 30, "")
	httpTimeout := flags.Int("httptimeout", 1200, "")
	tunnel := flags.String("tunnel", "", "")
	token := flags.String("token", "", "")
	server := flags.String("server", "", "")
	regexp := flags.String("regexp", "", "")
	timeout := flags.Int("timeout", 30, "")
	proxy := flags.String("proxy", "", "")
	flags.Parse(os.Args[2:])
	if os.Args[1] == "srv" {
		serve(*listen, seconds(*wsTimeout), seconds(*httpTimeout))
	}
	runClient(*tunnel, *token, *server, *regexp, *proxy, seconds(*timeout))
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
