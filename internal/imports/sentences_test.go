package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// renderers are the functions that may read the sentence of a guarantee or of a run, by
// package. They print it, pass it on for readers, or read files of version 1, which have
// sentences only. None of them decides anything by it.
var renderers = map[string]string{
	"retain/model":             "Guarantee.About Guarantee.String GuaranteeCode.Known GuaranteeCode.Noun GuaranteeCode.Reported GuaranteeCodes",
	"retain/checker":           "annotations remark",
	"retain/runtime/serverlog": "Admission.String admit",
	"retain/harness":           "Liveness.Error Run.Resurface record",
	"retain/harness/session":   "session.notClosed",
	"retain/harness/triage":    "FactsOf LoadRun Options.attribute decodeFinding1",
	"retain/harness/compare":   "Measured.takeDrawn comparison.take",
	"retain/harness/regress":   "CaseOf decodeCase shrinking.fails",
	"retain/campaign": "Segment.add Segment.addResult campaign.addViolation campaign.findPlanted campaign.promote " +
		"campaign.reloadViolation campaign.run resultOf",
	"retain/report": "Certificate.addPlans Comparison.broken Comparison.findingRows Recheck Reporter.Run broken brokenTitle campaignFinding.fill drawnOf findingOf recalled undecidedRuns " +
		"workAxis.unjudged",
	"retain/internal/cli": "Fuzz regression replayedCase.tell",
}

// TestOnlyRenderersReadSentences reads the source with its types, as the compiler does.
// A decision on prose needs the prose: with the functions listed that may have it, none
// can be added unseen. Writes of a sentence are no reads.
func TestOnlyRenderersReadSentences(t *testing.T) {
	readers := map[string][]string{}
	for _, p := range typed(t) {
		for _, file := range p.files {
			for _, d := range file.Decls {
				if name := declared(d); p.readsSentence(d) && !slices.Contains(readers[p.path], name) {
					readers[p.path] = append(readers[p.path], name)
				}
			}
		}
	}
	got := map[string]string{}
	for path, names := range readers {
		slices.Sort(names)
		got[path] = strings.Join(names, " ")
	}
	assert.Equal(t, renderers, got, "functions that read sentences: compare codes and fields instead")
}

// typedPackage is a package of the module without its tests.
type typedPackage struct {
	path  string
	files []*ast.File
	info  types.Info
}

// typed checks the types of all packages. Imports come from the compiler's export data.
func typed(t *testing.T) (all []typedPackage) {
	t.Helper()
	root, _, err := load()
	require.NoError(t, err)
	list, err := goCommand(root, "list", "-deps", "-export", "-f", `{{.ImportPath}};{{.Export}};{{.Dir}};{{if not .Standard}}{{with .Module}}{{.Main}}{{end}}{{end}};{{join .GoFiles " "}}`, "./...")
	require.NoError(t, err)
	exports, fset := map[string]string{}, token.NewFileSet()
	imports := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for line := range strings.Lines(list) {
		part := strings.Split(strings.TrimSpace(line), ";")
		exports[part[0]] = part[1]
		if part[3] != "true" || part[4] == "" {
			continue
		}
		p := typedPackage{path: part[0], info: types.Info{Uses: map[*ast.Ident]types.Object{}}}
		for name := range strings.FieldsSeq(part[4]) {
			file, err := parser.ParseFile(fset, part[2]+"/"+name, nil, 0)
			require.NoError(t, err)
			p.files = append(p.files, file)
		}
		_, err := (&types.Config{Importer: imports}).Check(p.path, fset, p.files, &p.info)
		require.NoError(t, err)
		all = append(all, p)
	}
	return all
}

// readsSentence reports whether a declaration uses a sentence other than by setting it.
func (p typedPackage) readsSentence(d ast.Decl) (reads bool) {
	set := map[ast.Node]bool{}
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if s, is := left.(*ast.SelectorExpr); is {
					set[s.Sel] = true
				}
			}
		case *ast.KeyValueExpr:
			set[n.Key] = true
		case *ast.Ident:
			reads = reads || !set[n] && isSentence(p.info.Uses[n])
		}
		return true
	})
	return reads
}

// isSentence reports whether an identifier is a sentence: the text of a guarantee, the
// table of them, or a field that keeps one.
func isSentence(o types.Object) bool {
	switch o := o.(type) {
	case *types.Func:
		recv := o.Signature().Recv()
		return recv != nil && slices.Contains([]string{"retain/model.Guarantee", "retain/model.GuaranteeCode"}, recv.Type().String()) &&
			slices.Contains([]string{"String", "About", "Noun"}, o.Name())
	case *types.Var:
		text := types.Identical(o.Type(), types.Typ[types.String])
		return o.Name() == "Sentences" && o.Pkg().Path() == "retain/model" || o.IsField() && text && (o.Name() == "Sentence" || o.Name() == "Guarantee")
	}
	return false
}

// declared is the name of a function or, with its type, of a method.
func declared(d ast.Decl) string {
	f, is := d.(*ast.FuncDecl)
	if !is {
		return "(declarations)"
	}
	if f.Recv == nil {
		return f.Name.Name
	}
	of := f.Recv.List[0].Type
	if star, is := of.(*ast.StarExpr); is {
		of = star.X
	}
	if generic, is := of.(*ast.IndexExpr); is {
		of = generic.X
	}
	return types.ExprString(of) + "." + f.Name.Name
}
