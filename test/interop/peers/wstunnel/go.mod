module sallyport.test/peers/wstunnel

go 1.21

require github.com/gorilla/websocket v1.2.0
