// A peer of the callback protocol (github.com/wrouesnel/callback at f0c08f2), written from a
// description of that protocol and on the libraries that the original is built on: gorilla/websocket
// and hashicorp/yamux.
//
//	callback server LISTEN            prints its port, and each id that is registered
//	callback reverse SERVER ID TARGET
//	callback proxy SERVER ID          joins standard input and output to the id
//	callback forward LISTEN SERVER ID joins each connection to a port to the id
package main

import (
	"log"
	"os"
)

func main() {
	arguments := append(os.Args[1:], "", "", "", "")
	switch arguments[0] {
	case "server":
		serve(arguments[1])
	case "reverse":
		reverse(arguments[1], arguments[2], arguments[3])
	case "proxy":
		proxy(arguments[1], arguments[2])
	case "forward":
		forward(arguments[1], arguments[2], arguments[3])
	default:
		log.Fatal("server, reverse, proxy or forward")
	}
}
