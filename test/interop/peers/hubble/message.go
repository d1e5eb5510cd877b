package main

import (
	"errors"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/ugorji/go/codec"
)

// The types of messages.
const (
	handshakeType  = 1
	initiatorType  = 2
	dataType       = 3
	terminatorType = 4
	closedType     = 5
	ackType        = 255
)

type handshake struct {
	Version string
	Name    string
	Key     string
}

// The message that opens a session, in each of its generations.
type initiatorA struct {
	GUID     string
	Ip       []byte
	Port     uint16
	Gatename string
}

type initiatorB struct {
	GUID     string
	Ip       []byte
	Port     uint16
	Gatename string
	Key      string
}

type initiatorC struct {
	GUID       string
	RemoteHost string
	RemotePort uint16
	Gatename   string
	Key        string
}

type data struct {
	GUID  string
	Order int
	Data  []byte
}

type ending struct {
	GUID string
}

type ack struct {
	GUID    string
	Ok      bool
	Message string
}

func ackOf(guid string, err error) ack {
	if err != nil {
		return ack{guid, false, err.Error()}
	}
	return ack{guid, true, "<nil>"}
}

// A connection that carries one message in each binary WebSocket message.
type conn struct {
	ws   *websocket.Conn
	lock sync.Mutex
}

func newHandle() *codec.MsgpackHandle {
	handle := new(codec.MsgpackHandle)
	handle.Canonical = true // keys in byte order
	handle.WriteExt = false // text and bytes in the old raw family
	return handle
}

var handle = newHandle()

func (c *conn) send(kind byte, message any) error {
	body := []byte{}
	if err := codec.NewEncoderBytes(&body, handle).Encode(message); err != nil {
		return err
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.ws.WriteMessage(websocket.BinaryMessage, append([]byte{kind}, body...))
}

// receive gives the type of a message and its body.
func (c *conn) receive() (byte, []byte, error) {
	kind, bytes, err := c.ws.ReadMessage()
	if err != nil {
		return 0, nil, err
	}
	if kind != websocket.BinaryMessage || len(bytes) == 0 {
		return 0, nil, errors.New("not a message")
	}
	return bytes[0], bytes[1:], nil
}

func decode(body []byte, into any) error {
	return codec.NewDecoderBytes(body, handle).Decode(into)
}
