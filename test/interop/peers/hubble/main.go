// A peer that speaks the protocol of Hubble, written from what is known of its wire, with the
// libraries that Hubble uses: its own sources cannot be had from the Go module proxy.
//
//	hubble proxy -listen 127.0.0.1:0 -generation C
//	hubble agent -url ws://127.0.0.1:8080 -name agent1 -generation B 0:key@agent2:127.0.0.1:22
//
// It prints `listening PORT` for each port and, as an agent, `connected`.
package main

import (
	"flag"
	"log"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("proxy or agent")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	generation := flags.String("generation", "C", "A, B or C")
	listen := flags.String("listen", "127.0.0.1:0", "")
	url := flags.String("url", "", "")
	name := flags.String("name", "", "")
	key := flags.String("key", "", "")
	readyFirst := flags.Bool("ready-first", false, "")
	flags.Parse(os.Args[2:])
	if os.Args[1] == "proxy" {
		runProxy(*listen, *generation)
	}
	runAgent(*url, *name, *key, *generation, *readyFirst, flags.Args())
}
