module sallyport.test/peers/sokken

go 1.21

require nhooyr.io/websocket v1.8.7

require github.com/klauspost/compress v1.10.3 // indirect
