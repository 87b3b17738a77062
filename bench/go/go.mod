module trunkline.dev/bench

go 1.26

require github.com/moby/spdystream v0.5.1

require github.com/hashicorp/yamux v0.1.2
