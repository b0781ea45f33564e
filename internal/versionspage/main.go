// Command versionspage prints the tables of docs/versions.md from the file of
// differences and from a certificate of each neighbouring pair, docs/neighbours.json.
//
//	go run ./internal/versionspage       # print the tables
//	go run ./internal/versionspage -w    # write them into docs/versions.md
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"retain/internal/generated"
	"retain/report"
	"retain/runtime/versions"
)

// part is the generated part of the page.
const part = "differences"

// neighboursFile is the certificate of -run Upgrade -restate.versions neighbours, from the
// root of the project.
var neighboursFile = filepath.Join("docs", "neighbours.json")

// page is the page, from the root of the project.
var page = filepath.Join("docs", "versions.md")

func main() {
	write := flag.Bool("w", false, "write the tables into docs/versions.md; run it in the project's root")
	flag.Parse()
	measured, err := report.ReadCertificate(neighboursFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, "versionspage:", err)
		os.Exit(1)
	}
	text := tables(versions.All()) + neighbours(measured)
	if !*write {
		fmt.Print(text)
		return
	}
	if err := generated.Write(page, part, text); err != nil {
		fmt.Fprintln(os.Stderr, "versionspage:", err)
		os.Exit(1)
	}
}
