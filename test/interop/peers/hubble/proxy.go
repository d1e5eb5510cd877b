package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

type proxy struct {
	generation string
	lock       sync.Mutex
	gateways   map[string]*gateway
}

// A gateway and, by session, the other end of it.
type gateway struct {
	*conn
	name string
	ends map[string]*gateway
}

func runProxy(listen, generation string) {
	p := &proxy{generation: generation, gateways: map[string]*gateway{}}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, p))
}

func (p *proxy) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	ws, err := upgrader.Upgrade(writer, request, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	gw := &gateway{conn: &conn{ws: ws}, ends: map[string]*gateway{}}
	kind, body, err := gw.receive()
	var hello handshake
	if err != nil || kind != handshakeType || decode(body, &hello) != nil {
		return
	}
	if hello.Version != "0.1" {
		gw.send(ackType, ackOf("", errors.New("Invalid protocol version")))
		return
	}
	gw.name = hello.Name
	p.lock.Lock()
	p.gateways[gw.name] = gw
	p.lock.Unlock()
	gw.send(ackType, ackOf("", nil))
	defer p.leave(gw)
	for {
		kind, body, err := gw.receive()
		if err != nil {
			return
		}
		p.dispatch(gw, kind, body)
	}
}

func (p *proxy) leave(gw *gateway) {
	p.lock.Lock()
	defer p.lock.Unlock()
	delete(p.gateways, gw.name)
	for guid, other := range gw.ends {
		delete(other.ends, guid)
		go other.send(terminatorType, ending{guid})
	}
}

func (p *proxy) dispatch(gw *gateway, kind byte, body []byte) {
	switch kind {
	case initiatorType:
		p.open(gw, body)
	case dataType:
		var message data
		if decode(body, &message) == nil {
			p.forward(gw, message.GUID, kind, message)
		}
	case ackType:
		var message ack
		if decode(body, &message) == nil {
			p.forward(gw, message.GUID, kind, message)
		}
	case closedType:
		var message ending
		if decode(body, &message) == nil {
			p.close(gw, message.GUID)
		}
	}
}

// open decodes and encodes anew, as the originals do: fields of another generation are lost.
func (p *proxy) open(gw *gateway, body []byte) {
	var guid, name string
	var message any
	if p.generation == "C" {
		var asked initiatorC
		decode(body, &asked)
		guid, name, message = asked.GUID, asked.Gatename, asked
	} else {
		var asked initiatorB
		decode(body, &asked)
		guid, name, message = asked.GUID, asked.Gatename, asked
	}
	p.lock.Lock()
	other := p.gateways[name]
	if other != nil {
		gw.ends[guid] = other
		other.ends[guid] = gw
	}
	p.lock.Unlock()
	if other == nil {
		gw.send(ackType, ackOf(guid, errors.New("Gateway not registered")))
		return
	}
	other.send(initiatorType, message)
}

func (p *proxy) forward(gw *gateway, guid string, kind byte, message any) {
	p.lock.Lock()
	other := gw.ends[guid]
	p.lock.Unlock()
	if other != nil {
		other.send(kind, message)
	}
}

func (p *proxy) close(gw *gateway, guid string) {
	p.lock.Lock()
	other := gw.ends[guid]
	delete(gw.ends, guid)
	if other != nil {
		delete(other.ends, guid)
	}
	p.lock.Unlock()
	if other != nil {
		other.send(terminatorType, ending{guid})
		gw.send(terminatorType, ending{guid})
	}
}
