package main

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
)

// newFront is where consumers ask: their Host says which group answers.
func newFront(era era, byHost map[string]*group) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Header.Get("X-Forwarded-Host")
		if host == "" {
			host = r.Host
			if name, _, err := net.SplitHostPort(host); err == nil {
				host = name
			}
		}
		to, known := byHost[host]
		if !known {
			http.Error(w, "bad gateway", http.StatusBadGateway)
			return
		}
		if era.readme {
			call(w, r, to)
			return
		}
		proxy := httputil.ReverseProxy{
			Transport: to,
			Rewrite: func(p *httputil.ProxyRequest) {
				address(p.Out)
				p.Out.Host = p.In.Host
				p.Out.Header["X-Forwarded-For"] = p.In.Header["X-Forwarded-For"]
				p.SetXForwarded()
				// Only the address of the consumer is told.
				for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto"} {
					p.Out.Header.Del(name)
					if values, had := p.In.Header[name]; had {
						p.Out.Header[name] = values
					}
				}
			},
		}
		proxy.ServeHTTP(unflushed{w}, r)
	})
}

// address gives every request of a client the same name: Host is told beside it.
func address(r *http.Request) {
	r.URL.Scheme, r.URL.Host = "https", "tunnel"
}

// unflushed hides that bytes could be sent at once: what is small waits for more, or for the end.
type unflushed struct{ inner http.ResponseWriter }

func (u unflushed) Header() http.Header             { return u.inner.Header() }
func (u unflushed) Write(bytes []byte) (int, error) { return u.inner.Write(bytes) }
func (u unflushed) WriteHeader(status int)          { u.inner.WriteHeader(status) }

// call is how the README's time had it: a call of a client that follows redirects by itself, and of
// whose answer the status is lost.
func call(w http.ResponseWriter, r *http.Request, to *group) {
	out := r.Clone(r.Context())
	out.RequestURI = ""
	address(out)
	answer, err := (&http.Client{Transport: to}).Do(out)
	if err != nil {
		http.Error(w, "bad gateway", http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	maps.Copy(w.Header(), answer.Header)
	if len(answer.Trailer) > 0 {
		w.Header().Set("Trailer", strings.Join(names(answer.Trailer), ", "))
	}
	io.Copy(unflushed{w}, answer.Body)
	maps.Copy(w.Header(), answer.Trailer)
}

func names(header http.Header) []string {
	var all []string
	for name := range header {
		all = append(all, name)
	}
	return all
}
