// Command serve serves the handlers of package official on PORT, in unencrypted HTTP/2. With
// DIE it prints that and ends.
package main

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"time"

	"retain/internal/selftest/official"
)

func main() {
	if why := os.Getenv("DIE"); why != "" {
		fmt.Fprintln(os.Stderr, "the handlers are loaded")
		fmt.Fprintln(os.Stderr, why)
		os.Exit(3)
	}
	handler, err := official.Handler()
	if err == nil {
		var h2c http.Protocols
		h2c.SetUnencryptedHTTP2(true)
		s := &http.Server{Addr: ":" + cmp.Or(os.Getenv("PORT"), "9080"), Handler: handler, Protocols: &h2c, ReadHeaderTimeout: 5 * time.Second}
		err = s.ListenAndServe()
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
