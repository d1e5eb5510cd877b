package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"regexp"
	"strconv"
	"sync"
	"time"

	"crypto/rand"

	"github.com/gorilla/websocket"
)

type rule struct {
	local, gateway, key, host string
	remote                    uint16
}

var ruleForm = regexp.MustCompile(`^(\d+):(?:(.*)@)?([^:@]+):([^:]+):(\d+)$`)

func parseRule(text string) rule {
	parts := ruleForm.FindStringSubmatch(text)
	if parts == nil {
		log.Fatalf("not a rule: %s", text)
	}
	remote, err := strconv.ParseUint(parts[5], 10, 16)
	if err != nil {
		log.Fatal(err)
	}
	return rule{parts[1], parts[3], parts[2], parts[4], uint16(remote)}
}

// What a session hears from the proxy.
type heard struct {
	kind byte
	body []byte
}

// A session: where it hears, until it is gone.
type session struct {
	hears chan heard
	gone  chan bool
}

type agent struct {
	*conn
	generation string
	readyFirst bool
	lock       sync.Mutex
	sessions   map[string]session
}

func (a *agent) register(guid string) chan heard {
	own := session{make(chan heard), make(chan bool)}
	a.lock.Lock()
	a.sessions[guid] = own
	a.lock.Unlock()
	return own.hears
}

func (a *agent) unregister(guid string) {
	a.lock.Lock()
	close(a.sessions[guid].gone)
	delete(a.sessions, guid)
	a.lock.Unlock()
}

func runAgent(url, name, key, generation string, readyFirst bool, rules []string) {
	ws, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		log.Fatal(err)
	}
	a := &agent{conn: &conn{ws: ws}, generation: generation, readyFirst: readyFirst, sessions: map[string]session{}}
	if err := a.send(handshakeType, handshake{"0.1", name, key}); err != nil {
		log.Fatal(err)
	}
	kind, body, err := a.receive()
	if err != nil {
		log.Fatal(err)
	}
	var answer ack
	if kind != ackType || decode(body, &answer) != nil || !answer.Ok {
		log.Fatalf("handshake: %v", answer.Message)
	}
	for _, text := range rules {
		a.listen(parseRule(text))
	}
	fmt.Println("connected")
	for {
		kind, body, err := a.receive()
		if err != nil {
			log.Fatal(err)
		}
		if kind == initiatorType {
			go a.serve(body)
			continue
		}
		var of ending // every message of a session has the key
		if decode(body, &of) != nil {
			log.Fatal("a message without a session")
		}
		a.lock.Lock()
		own, known := a.sessions[of.GUID]
		a.lock.Unlock()
		if known {
			select {
			case own.hears <- heard{kind, body}:
			case <-own.gone:
			}
		}
	}
}

func (a *agent) listen(r rule) {
	listener, err := net.Listen("tcp", "127.0.0.1:"+r.local)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	go func() {
		for {
			socket, err := listener.Accept()
			if err != nil {
				return
			}
			go a.open(r, socket)
		}
	}()
}

// open asks for a session and waits for its acknowledgement.
func (a *agent) open(r rule, socket net.Conn) {
	defer socket.Close()
	guid := newGuid()
	channel := a.register(guid)
	defer a.unregister(guid)
	a.send(initiatorType, a.initiator(r, guid))
	select {
	case message := <-channel:
		var answer ack
		if message.kind != ackType || decode(message.body, &answer) != nil || !answer.Ok {
			return
		}
	case <-time.After(30 * time.Second):
		return
	}
	a.join(guid, channel, socket)
}

func (a *agent) initiator(r rule, guid string) any {
	switch a.generation {
	case "A":
		return initiatorA{guid, net.ParseIP(r.host), r.remote, r.gateway}
	case "B":
		return initiatorB{guid, net.ParseIP(r.host), r.remote, r.gateway, r.key}
	default:
		return initiatorC{guid, r.host, r.remote, r.gateway, r.key}
	}
}

// serve dials, acknowledges, and only then is ready to hear of the session, as the originals do: what
// comes in between is lost. With -ready-first it is not.
func (a *agent) serve(body []byte) {
	guid, address := a.address(body)
	socket, err := net.Dial("tcp", address)
	if err != nil {
		a.send(ackType, ackOf(guid, err))
		return
	}
	defer socket.Close()
	if !a.readyFirst {
		a.send(ackType, ackOf(guid, nil))
	}
	channel := a.register(guid)
	defer a.unregister(guid)
	if a.readyFirst {
		a.send(ackType, ackOf(guid, nil))
	}
	a.join(guid, channel, socket)
}

func (a *agent) address(body []byte) (string, string) {
	if a.generation == "C" {
		var asked initiatorC
		decode(body, &asked)
		return asked.GUID, fmt.Sprintf("%s:%d", asked.RemoteHost, asked.RemotePort)
	}
	var asked initiatorB
	decode(body, &asked)
	return asked.GUID, fmt.Sprintf("%s:%d", net.IP(asked.Ip), asked.Port)
}

// join passes bytes both ways until one of them ends; then both do.
func (a *agent) join(guid string, channel chan heard, socket net.Conn) {
	done := make(chan bool)
	go func() {
		defer close(done)
		buffer := make([]byte, 1024)
		for order := 1; ; order++ {
			n, err := socket.Read(buffer)
			if err == nil || err == io.EOF {
				a.send(dataType, data{guid, order, buffer[:n]})
			}
			if err != nil {
				a.send(closedType, ending{guid})
				return
			}
		}
	}()
	for order := 0; ; {
		select {
		case <-done:
			return
		case message := <-channel:
			if message.kind == terminatorType {
				return
			}
			if message.kind != dataType {
				continue
			}
			var piece data
			decode(message.body, &piece)
			if order++; piece.Order != order {
				log.Println("Data out of order")
				return
			}
			if _, err := socket.Write(piece.Data); err != nil {
				return
			}
		}
	}
}

func newGuid() string {
	b := make([]byte, 16)
	rand.Read(b)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
