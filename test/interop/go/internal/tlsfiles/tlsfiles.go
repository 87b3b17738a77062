// Package tlsfiles reads TLS settings from flags.
package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"os"
)

// Server is a listener's certificate, and the authority of its clients.
type Server struct{ cert, key, clientCA string }

// Flags registers -tls-cert, -tls-key and -client-ca.
func (s *Server) Flags() {
	flag.StringVar(&s.cert, "tls-cert", "", "PEM file with the certificate; turns TLS on")
	flag.StringVar(&s.key, "tls-key", "", "PEM file with the key")
	flag.StringVar(&s.clientCA, "client-ca", "", "PEM file; clients must show a certificate of this authority")
}

// Wrap makes the listener speak TLS when a certificate was given.
func (s *Server) Wrap(listener net.Listener) (net.Listener, error) {
	if s.cert == "" {
		return listener, nil
	}
	certificate, err := tls.LoadX509KeyPair(s.cert, s.key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if s.clientCA != "" {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		if config.ClientCAs, err = pool(s.clientCA); err != nil {
			return nil, err
		}
	}
	return tls.NewListener(listener, config), nil
}

// Client is the authority a client trusts, and its own certificate.
type Client struct{ ca, cert, key, name string }

// Flags registers -ca, -cert, -key and -server-name.
func (c *Client) Flags() {
	flag.StringVar(&c.ca, "ca", "", "PEM file with the server's authority")
	flag.StringVar(&c.cert, "cert", "", "PEM file with the client's certificate")
	flag.StringVar(&c.key, "key", "", "PEM file with the client's key")
	flag.StringVar(&c.name, "server-name", "", "name expected in the server's certificate")
}

// Config is the TLS configuration that the flags ask for.
func (c *Client) Config() (*tls.Config, error) {
	config := &tls.Config{ServerName: c.name, MinVersion: tls.VersionTLS12}
	var err error
	if c.ca != "" {
		if config.RootCAs, err = pool(c.ca); err != nil {
			return nil, err
		}
	}
	if c.cert != "" {
		certificate, err := tls.LoadX509KeyPair(c.cert, c.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return config, nil
}

func pool(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("no certificate in %s", file)
	}
	return authorities, nil
}
