module sallyport.test/peers

go 1.21

require (
	github.com/gorilla/websocket v1.0.0
	github.com/hashicorp/yamux v0.1.1
	github.com/ugorji/go/codec v1.2.12
)
