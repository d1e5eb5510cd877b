package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Taken off every request before it goes on.
var hop = []string{
	"X-Host", "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te",
	"Trailers", "Transfer-Encoding", "Upgrade",
}

type client struct {
	server  string
	allowed *regexp.Regexp
}

func runClient(tunnel, token, server, allowed, proxy string, timeout time.Duration) {
	it := &client{server: strings.TrimSuffix(server, "/")}
	if allowed != "" {
		it.allowed = regexp.MustCompile(allowed)
	}
	dialer := websocket.Dialer{ReadBufferSize: 100 * 1024, WriteBufferSize: 100 * 1024}
	if proxy != "" {
		to, err := url.Parse(proxy)
		if err != nil {
			log.Fatal(err)
		}
		dialer.Proxy = http.ProxyURL(to)
	}
	header := http.Header{"Origin": {token}}
	for {
		// The originals wait for 10 s from one attempt to the next.
		next := time.After(time.Second)
		ws, _, err := dialer.Dial(strings.TrimSuffix(tunnel, "/")+"/_tunnel", header)
		if err == nil {
			fmt.Println("ready")
			it.serve(ws, timeout)
			ws.Close()
		}
		<-next
	}
}

func (c *client) serve(ws *websocket.Conn, timeout time.Duration) {
	ws.SetReadLimit(messageMax)
	end := time.AfterFunc(timeout, func() { ws.Close() })
	ws.SetPongHandler(func(string) error {
		end.Reset(timeout)
		return nil
	})
	ticker := time.NewTicker(timeout / 3)
	defer ticker.Stop()
	go func() {
		for {
			if ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(timeout/3)) != nil {
				return
			}
			<-ticker.C
		}
	}()
	var writing sync.Mutex
	for {
		kind, message, err := ws.NextReader()
		if err != nil || kind != websocket.BinaryMessage {
			return
		}
		bytesOf, err := io.ReadAll(message)
		if err != nil || len(bytesOf) < 4 {
			return
		}
		id, err := strconv.ParseInt(string(bytesOf[:4]), 16, 16)
		if err != nil {
			return
		}
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(bytesOf[4:])))
		if err != nil {
			return
		}
		go func() {
			response := c.call(request)
			writing.Lock()
			defer writing.Unlock()
			writer, err := ws.NextWriter(websocket.BinaryMessage)
			if err != nil {
				return
			}
			fmt.Fprintf(writer, "%04x", id)
			response.Write(writer)
			writer.Close()
		}()
	}
}

func (c *client) call(r *http.Request) *http.Response {
	target := c.server
	if host := r.Header.Get("X-Host"); host != "" {
		if c.allowed == nil {
			return refusal(r, 403, "X-Host header disallowed by wstunnel cli (no -regexp option)")
		}
		if c.allowed.FindString(host) != host {
			return refusal(r, 403, "X-Host header '"+host+"' does not match regexp in wstunnel cli")
		}
		target = host
	} else if target == "" {
		return refusal(r, 403, "X-Host header required by wstunnel cli (no -server option)")
	}
	to, err := url.Parse(target + r.RequestURI)
	if err != nil {
		return refusal(r, 400, "Cannot parse request URI")
	}
	for _, name := range hop {
		r.Header.Del(name)
	}
	r.URL, r.Host, r.RequestURI = to, to.Host, ""
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return refusal(r, 502, err.Error())
	}
	return response
}

func refusal(r *http.Request, status int, text string) *http.Response {
	return &http.Response{
		Status: "502 Bad Gateway", StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"text/plain"}, "Server": {"wstunnel"}},
		Body:          io.NopCloser(strings.NewReader(text)),
		ContentLength: int64(len(text)), Request: r,
	}
}
