package finger

import (
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"testing"
)

// TestEveryProductIsRounded reads the packages whose results must not depend on
// the machine and refuses a product of floating-point variables that is not at
// once converted: only an explicit conversion forbids a compiler to fuse it into
// a later sum, even across statements and calls.
func TestEveryProductIsRounded(t *testing.T) {
	for _, dir := range []string{".", "../face", "../decision", "../../internal/simd"} {
		products, bad := unroundedProducts(t, dir, nil)
		for _, at := range bad {
			t.Errorf("%s: product without float32(...) or float64(...) around it", at)
		}
		if dir == "." && products < 50 {
			t.Errorf("%s: the check saw %d products, want >= 50", dir, products)
		}
	}
}

// TestRoundingCheckHasTeeth shows that the check finds what it looks for.
func TestRoundingCheckHasTeeth(t *testing.T) {
	const source = `package p
	func f(x, y, z float64, i, j int) (float64, int) {
		const k = 2.0 * 3.0
		t := x * y
		z *= x
		return float64(x*y) + t + k + (x * z), i * j
	}`
	if products, bad := unroundedProducts(t, "", source); products != 4 || len(bad) != 3 {
		t.Fatalf("%d products, unrounded %v; want 4 and 3", products, bad)
	}
}

func unroundedProducts(t *testing.T, dir string, source any) (products int, bad []string) {
	fset := token.NewFileSet()
	var files []*ast.File
	names := []string{"source.go"}
	if source == nil {
		// The files this machine builds; those of others are theirs to check.
		p, err := build.ImportDir(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		names = nil
		for _, name := range p.GoFiles {
			names = append(names, filepath.Join(dir, name))
		}
	}
	for _, name := range names {
		f, err := parser.ParseFile(fset, name, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		t.Fatalf("%s: no files to check", dir)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	if _, err := config.Check(dir, fset, files, info); err != nil {
		t.Fatal(err)
	}
	floating := func(e ast.Expr) bool {
		v := info.Types[e]
		b, ok := v.Type.Underlying().(*types.Basic)
		return ok && b.Info()&types.IsFloat != 0 && v.Value == nil
	}
	for _, f := range files {
		rounded := map[ast.Expr]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if info.Types[n.Fun].IsType() && len(n.Args) == 1 {
					rounded[ast.Unparen(n.Args[0])] = true
				}
			case *ast.BinaryExpr:
				if n.Op == token.MUL && floating(n) {
					products++
					if !rounded[n] {
						bad = append(bad, fset.Position(n.Pos()).String())
					}
				}
			case *ast.AssignStmt:
				if n.Tok == token.MUL_ASSIGN && floating(n.Lhs[0]) {
					products++
					bad = append(bad, fset.Position(n.Pos()).String())
				}
			}
			return true
		})
	}
	return products, bad
}
