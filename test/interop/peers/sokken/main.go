// A peer of sokken, written from what is known of its wire and its habits, on the library that it is
// built on.
//
//	sokken server [-max-connections N] LISTEN ADDRESS...
//	sokken client [-max-connections N] LISTEN URL [LISTEN URL]...
//
// Each prints the ports that it listens on, one in a line and in the order of the arguments.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"
)

func main() {
	flags := flag.NewFlagSet("sokken", flag.ExitOnError)
	most := flags.Int("max-connections", 100, "")
	if len(os.Args) < 2 {
		os.Exit(2)
	}
	flags.Parse(os.Args[2:])
	args := flags.Args()
	switch {
	case os.Args[1] == "server" && len(args) >= 2:
		serve(args[0], args[1:], int64(*most))
	case os.Args[1] == "client" && len(args) >= 2 && len(args)%2 == 0:
		for at := 0; at < len(args); at += 2 {
			go carry(listen(args[at]), args[at+1], int64(*most))
		}
		select {}
	default:
		os.Exit(2)
	}
}

func listen(address string) net.Listener {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	return listener
}
