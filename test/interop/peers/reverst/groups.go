package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// group is a ring of registered clients.
type group struct {
	name string
	// What Authorization has to be; empty lets everybody in.
	wanted string

	mutex   sync.Mutex
	members []*member
	next    int
}

type member struct {
	connection quic.Connection
	requests   *http3.RoundTripper
}

var errNobody = errors.New("no clients")

// readGroups gives the groups by name, and by each of their hosts.
func readGroups(written []string) (byName, byHost map[string]*group) {
	byName, byHost = map[string]*group{}, map[string]*group{}
	for _, text := range written {
		words := strings.Fields(text)
		if len(words) < 2 {
			fail("a group is NAME HOST[,HOST] and how to authenticate")
		}
		it := &group{name: words[0]}
		switch how := words[2:]; {
		case len(how) == 3 && how[0] == "basic":
			it.wanted = authorization(how[1], how[2], "")
		case len(how) == 2 && how[0] == "bearer":
			it.wanted = authorization("", "", how[1])
		case len(how) != 0:
			fail("a group is authenticated by basic USER PASSWORD or bearer TOKEN")
		}
		byName[it.name] = it
		for _, host := range strings.Split(words[1], ",") {
			byHost[host] = it
		}
	}
	return byName, byHost
}

// join has the connection asked for answers. What asks cannot dial: once a request has failed, the next
// one finds no connection, and that ends the client's tunnel.
func (g *group) join(connection quic.Connection) *member {
	var dialled sync.Once
	it := &member{connection: connection}
	it.requests = &http3.RoundTripper{
		Dial: func(context.Context, string, *tls.Config, *quic.Config) (quic.EarlyConnection, error) {
			var only quic.EarlyConnection
			dialled.Do(func() { only = connection.(quic.EarlyConnection) })
			if only == nil {
				connection.CloseWithError(closedForFailure, "Connection closing")
				return nil, net.ErrClosed
			}
			return only, nil
		},
	}
	g.mutex.Lock()
	g.members = append(g.members, it)
	g.mutex.Unlock()
	return it
}

func (g *group) leave(it *member) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if at := slices.Index(g.members, it); at >= 0 {
		g.members = slices.Delete(g.members, at, at+1)
	}
}

// RoundTrip asks the client whose turn it is.
func (g *group) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mutex.Lock()
	if len(g.members) == 0 {
		g.mutex.Unlock()
		return nil, errNobody
	}
	it := g.members[g.next%len(g.members)]
	g.next++
	g.mutex.Unlock()
	return it.requests.RoundTrip(r)
}
