// Command serve serves the handlers of package official on PORT, in unencrypted HTTP/2; with
// BUG those of package faulty that have it. With DIE it prints that and ends.
package main

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"time"

	"retain/internal/selftest/faulty"
	"retain/internal/selftest/official"
)

func main() {
	if why := os.Getenv("DIE"); why != "" {
		fmt.Fprintln(os.Stderr, "the handlers are loaded")
		fmt.Fprintln(os.Stderr, why)
		os.Exit(3)
	}
	handlers := official.Handler
	var err error
	if bug := os.Getenv("BUG"); bug != "" {
		handlers, err = faulty.New(faulty.Bug(bug))
	}
	if err == nil {
		err = serve(handlers)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// serve serves handlers until that fails.
func serve(handlers func() (http.Handler, error)) error {
	handler, err := handlers()
	if err != nil {
		return err
	}
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	s := &http.Server{Addr: ":" + cmp.Or(os.Getenv("PORT"), "9080"), Handler: handler, Protocols: &h2c, ReadHeaderTimeout: 5 * time.Second}
	return s.ListenAndServe()
}
