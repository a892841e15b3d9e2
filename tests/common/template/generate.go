// generate.go writes corpus.json: templates with what Go itself makes of them, one case a
// line. Run it after adding cases: go run generate.go > corpus.json
//
// Data: D is a struct, M a decoded JSON object (missingkey=error), P is M without that
// option, deps what a Task's prompt gets. Cases where ours differs on purpose are not here
// but in test_template.c.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/template"
)

type D struct {
	ID       string
	Number   int
	Title    string
	Body     string
	URL      string
	Labels   string
	Comments string
	Kind     string
}

type Case struct {
	Data string  `json:"data"`
	Text string  `json:"text"`
	Out  *string `json:"out,omitempty"`
	Err  string  `json:"err,omitempty"`
}

const object = `{"ChangedFiles":["a.go","b.go"],"Empty":[],"Nil":null,"A":{"k":"v"},"L":["1","x",null],
"Deep":{"data":{"s":"text","yes":true,"no":false,"list":[["a","b"],[]]}},"Größe":"groß","T":"t","F":2.5}`

func data(name string) any {
	switch name {
	case "D":
		return D{"42", 42, `Fix <b> & "q"`, "Line1\nLine2", "u?a=1&b=2", "bug, p1", "", "Issue"}
	case "deps":
		return map[string]any{"Deps": map[string]any{
			"a-b":      map[string]any{"Name": "a-b", "Outputs": []string{"branch: x", "pr: y"}, "Results": map[string]string{"branch": "x", "pr": "y"}},
			"scaffold": map[string]any{"Name": "scaffold", "Outputs": []string{"o1", "o2"}, "Results": map[string]string{"branch": "feat"}},
			"plain":    map[string]any{"Name": "plain", "Outputs": []string(nil), "Results": map[string]string(nil)},
		}}
	}
	var v any
	if err := json.Unmarshal([]byte(object), &v); err != nil {
		panic(err)
	}
	return v
}

func run(set, text string) Case {
	c := Case{Data: set, Text: text}
	name := "tmpl"
	t := template.New(name)
	if set == "M" || set == "deps" {
		name = "prompt"
		t = template.New(name).Option("missingkey=error")
	}
	t, err := t.Parse(text)
	if err != nil {
		c.Err = err.Error()
		return c
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data(set)); err != nil {
		c.Err = err.Error()
		return c
	}
	s := b.String()
	c.Out = &s
	return c
}

var values = []string{
	`1`, `-42`, `0`, `255`, `65`, `1.5`, `-0.25`, `3.14159`, `1e6`, `123456789.0`, `1e21`, `1e-7`, `0.0`, `"hi"`, `""`,
	`"é\n\x00\""`, `true`, `false`, `nil`, `'a'`, `1+2i`, `-1.5i`, `(index "A" 0)`, `(slice "日本" 0 2)`,
}
var verbs = []string{
	"%v", "%+v", "%#v", "%T", "%t", "%b", "%c", "%d", "%o", "%O", "%q", "%x", "%X", "%U", "%e", "%E", "%f", "%F", "%g",
	"%G", "%s", "%p", "%z", "%5v|", "%-5v|", "%05v|", "%+d", "% d", "%#x", "%# x", "% x", "%#o", "%#b", "%#q", "%+q",
	"%#U", "%8.3f|", "%-8.3f|", "%08.3f|", "%+.2e", "%.0f", "%#.0f", "%.3g", "%#g", "%.10g", "%.3s|", "%6.2s|", "%.2x",
	"%8d|", "%-8d|", "%08d|", "%+08d|", "%.5d", "%8.5d|", "%.0d|", "%x.", "%.3x", "%06q", "%-6q|", "% +d", "%+c", "%6c|",
	"%06t|", "%.1q", "%08x|", "%#08x|", "%-#8x|", "%+v.", "%w",
}
var formats = []string{
	`printf "%d%%"  5`, `printf "%[2]d %[1]d" 1 2`, `printf "%*d" 5 1`, `printf "%-*d|" 5 1`, `printf "%*d|" -5 1`, `printf "%.*f" 2 3.14159`,
	`printf "%[3]*.[2]*[1]f|" 12.0 2 6`, `printf "%[1]d %d %[1]d" 1 2`, `printf "%[5]d" 1`, `printf "%[x]d" 1`, `printf "%[1" 1`, `printf "%[]d" 1`,
	`printf "%[0]d" 1`, `printf "%[3]2d" 1 2 3`, `printf "%[1].2d" 5`, `printf "%*d" "x" 1`, `printf "%.*d" "x" 1`, `printf "%*d" 9999999 1`,
	`printf "%.*d" -1 7`, `printf "%d" "x"`, `printf "%s"`, `printf "%s" "a" "b"`, `printf "%s" "a" 1 nil`, `printf "%d%"`, `printf "%z" 1`, `printf "%!" 1`,
	`printf "%"`, `printf "no"`, `printf "no" 1 2.5`, `printf ""`, `printf "%5%|"`, `printf "%-5s|%5s|" "ab" "é"`, `printf "%é" 1`, `printf "%s %s" .Title nil`,
	`printf "%v %v" .Number .Title`, `printf "%v" .`, `printf "%+v" .`, `printf "%#v" .`, `printf "%T" .`, `printf "%d" .`, `printf "%s %d" 1`,
	`printf 1`, `printf nil`, `printf true`, `printf .Number`, `printf .Title`, `printf (print "x")`, `printf "%99999999d" 1`, `printf "%+-5d|" 3`, `printf "%-05d|" 3`, `printf "%0-5d|" 3`,
	`printf "%x" "hello"`, `printf "% X" "hello"`, `printf "%#x" "hello"`, `printf "%# x" "hello"`, `printf "%10x|" "hi"`, `printf "%-10x|" "hi"`, `printf "%.1x" "hi"`, `printf "%5x|" ""`,
	"printf \"%#q\" \"a`b\"", `printf "%#q" "tab\there"`, `printf "%q" "é\u200b\U0001F600\x80"`, `printf "%+q" "é\u200b\U0001F600"`, `printf "%q" 128512`, `printf "%+q" 128512`, `printf "%q" -1`, `printf "%c" 1114112`, `printf "%U" 128512`, `printf "%#U" 128512`, `printf "%#U" 10`,
	`printf "%g" 100000.0`, `printf "%g" 1000000.0`, `printf "%v" 12345678.0`, `printf "%.3g" 12345.0`, `printf "%.20f" 0.1`, `printf "%.0e" 15.0`, `printf "%G" 1e-10`, `printf "%b" 1.0`, `printf "%x" 1.0`, `printf "%x" 3.5`, `printf "%X" -0.1`, `printf "%.2x" 1.999`, `printf "%.0x" 1.5`, `printf "%#x" 2.0`, `printf "%x" 5e-324`,
	`printf "%e" 0.0`, `printf "%v" -0.0`, `printf "%6.2f|%-5s|%5s|%+d|%x|%X|%c|%U|%e|%t|%08b|%o|%#x|%q" 3.14159 "ab" "cd" 5 "hi" 255 65 65 12345.678 true 5 8 255 65`,
	`printf "%05d|%s|%q|%v|%x|%%|%T" .Number .Kind .Kind true 255 .Number`, `printf "% 05d" 42`, `printf "%+05d" 42`, `printf "%+.3d" 42`, `printf "%+5.1f|" 2.25`, `printf "% .1f" 2.25`, `printf "%+05.1f" 2.25`, `printf "%05s|" "ab"`, `printf "%05q|" "a"`, `printf "%t" 1`,
	`printf "%v" 1e20`, `printf "%v" 1e21`, `printf "%v" 0.000001`, `printf "%v" 0.0000001`, `printf "%.3v" 3.14159`, `printf "%6.3v|" 3.14159`, `printf "%.2v" "hello"`, `printf "%10v|" true`, `printf "%#.3x" 1.0`, `printf "%#v" 1.0`, `printf "%#v" 1e6`, `printf "%#v" 1e21`, `printf "%#v" "q\"uote"`, `printf "%#v" 1+2i`, `printf "%.1f" 1+2i`, `printf "%8.1f|" 1+2i`, `printf "%+d" 1+2i`,
}

// Cases over D, without the braces around.
var structs = []string{
	"{{.ID}} {{.Number}} {{.Kind}}", "kelos-task-{{.Number}}", "my-branch", "", "{{.Nope}}", "x\ny{{.Nope}}", "{{.Title.Foo}}", "{{.Bad", "{{.Title\n", "{{}}", "{{if}}", "{{with}}x{{end}}", "{{range}}x{{end}}",
	"{{if .Title}}x", "{{end}}", "{{else}}", "{{foo}}", "a {{- /* c */ -}} b", "a {{/* c */ -}} b", "a {{- /* c */}} b", "{{ /* c */ }}", "{{/* x", "{{/* x */ y}}", "{{/* a /* b */}}", "{{/* a\nb */}}x{{.Nope}}", "a {{- 3 -}} b", "a {{-3}} b", "a {{- -3 -}} b", "{{- .Title -}}", "{{-.Title}}",
	"{{\"}}\"}}", "{{\"unterm", "{{\"unterm\n\"}}", "{{`unterm", "{{'a'}} {{'\\n'}}", "{{'ab'}}", "{{''}}", "{{'a", "{{'\\q'}}", "{{'é'}}{{'\\''}}", "{{1_000}} {{0x1F}} {{0b11}} {{0o17}} {{1e3}} {{1.5}} {{017}} {{-1}} {{+1}}", "{{1__0}}", "{{0b2}}", "{{99999999999999999999}}", "{{9223372036854775807}} {{-9223372036854775808}}", "{{9223372036854775808}}", "{{0x1p4}} {{0x1.8p1}} {{0X1F}} {{0B1}} {{0O7}}", "{{0x1.8}}", "{{089}}", "{{08}}", "{{1e999}}", "{{1e-999}}", "{{1_000.5}}", "{{0x1_0p1}}", "{{_1}}", "{{1_}}", "{{0_1}}", "{{0x_1}}", "{{1.}} {{.5}}", "{{1.5.2}}", "{{1e}}", "{{1e+}}", "{{0x}}", "{{1a}}", "{{1é}}", "{{1i}} {{0i}} {{1+2i}} {{1.5-2.5i}} {{1e1+1e2i}}", "{{1+2}}", "{{1+}}", "{{1-i}}", "{{-0}} {{-0.0}}", "{{1.0}} {{100000.0}} {{1000000.0}} {{123456.0}} {{0.0001}} {{0.00001}} {{12345678.0}}",
	"{{nil}}", "{{nil.x}}", "{{nil | print}}", "{{print nil}}", "{{.Number | nil}}", "{{$x := .Number}}{{$x}}{{$x = 7}}{{$x}}", "{{$y}}", "{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}", "{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "{{if $x := .Number}}{{$x}}{{end}}{{$x}}", "{{if $x := .Number}}{{$x}}{{else}}{{$x}}{{end}}", "{{$z = 1}}{{$z}}", "{{$x:=1}}{{$x}}", "{{$x=1}}", "{{$x := 1}}{{$x=2}}", "{{$x := 1}}{{$x =2}}{{$x}}", "{{$x : 1}}", "{{$x, $y := 1}}", "{{$x,$y := 1}}", "{{$ }}x", "{{$.Title}}", "{{$x := .}}{{$x.Title}}", "{{$x := .}}{{$x.Nope}}", "{{$x := 1}}{{$x.y}}", "{{$x := 1}}{{$x 2}}", "{{$x := .Title | len}}{{$x}}", "{{($x := 1)}}", "{{$x := 1 | print}}{{$x}}", "{{$é := 1}}{{$é}}",
	"{{with .Comments}}{{.}}{{else}}none{{end}}", "{{with .Title}}{{$.Number}}{{end}}", "{{with .Comments}}a{{else with .Title}}{{.}}{{else}}c{{end}}", "{{with $t := .Title}}{{$t}}{{.}}{{end}}", "{{if .Comments}}c{{else if eq .Kind \"Issue\"}}i{{else}}o{{end}}", "{{if .Comments}}a{{else if .Comments}}b{{else if .Comments}}c{{else}}d{{end}}", "{{if .Comments}}a{{else with .Title}}b{{end}}", "{{with .Title}}a{{else if .Title}}b{{end}}", "{{range .Labels}}a{{else if .Title}}b{{end}}", "{{else if .Title}}", "{{if .Title}}a{{else if}}b{{end}}", "{{if .Title}}{{else if .Title}}{{end}}{{end}}",
	"{{and 1 0 2}} {{or 0 \"\" \"z\"}} {{not 0}} {{not \"a\"}}", "{{and}}", "{{or}}", "{{and 0 (index .Title 100)}}", "{{and (index .Title 100) 0}}", "{{or 1 (index .Title 100)}}", "{{1 | and 2}} {{0 | or 0}} {{1 | and 0}}", "{{and nil 1}} {{or nil nil}}", "{{not nil}}", "{{not 1 2}}",
	"{{eq .Number 42}}", "{{eq .Number \"42\"}}", "{{eq .Number 42.0}}", "{{eq .Kind \"PR\" \"Issue\"}}", "{{eq 1}}", "{{lt 1 \"a\"}}", "{{lt true false}}", "{{le 1 1}} {{ge 2 1}} {{ne 1 2}} {{lt \"a\" \"b\"}} {{eq nil nil}}", "{{eq 1 nil}} {{ne nil 1}} {{eq nil 1 nil}}", "{{lt nil 1}}", "{{lt 1 nil}}", "{{eq}}", "{{ne 1}}", "{{lt 1}}", "{{lt 1 2 3}}", "{{eq 1.5 1.5}} {{lt 1.5 2.5}} {{gt 1.5 2.5}} {{ge 1.5 1.5}} {{le 2.5 1.5}}", "{{eq true true}} {{eq true false}} {{ne true false}}", "{{eq 1i 1i}} {{eq 1i 2i}}", "{{lt 1i 2i}}", "{{eq (index .Title 0) 70}} {{lt (index .Title 0) 71}} {{eq 70 (index .Title 0)}} {{gt (index .Title 0) -1}}", "{{eq . .}}", "{{eq . 1}}", "{{lt . .}}", "{{lt \"ab\" \"a\"}} {{lt \"a\" \"ab\"}} {{gt \"b\" \"a\"}}", "{{eq \"\" \"\"}}", "{{eq 1 2 3 1}}", "{{eq 1 \"a\" 1}}",
	"{{len \"日本\"}}", "{{len 3}}", "{{len .}}", "{{len nil}}", "{{len}}", "{{len 1 2}}", "{{index .Title 0}}", "{{index \"abc\" -1}}", "{{index .Title \"a\"}}", "{{index 3 1}}", "{{index \"abc\" 3}}", "{{index \"abc\" 4}}", "{{index \"abc\" nil}}", "{{index nil 1}}", "{{index nil}}", "{{index .Title}}", "{{index \"abc\" 1.0}}", "{{index . \"Title\"}}", "{{index \"abc\" 1 1}}", "{{index \"abc\" (index \"\\x01\" 0)}}", "{{slice .Title 0 3}}", "{{slice .Title 5 2}}", "{{slice \"abc\" 1 2 3}}", "{{slice \"abc\"}} {{slice \"abc\" 1}} {{slice \"abc\" 3}}", "{{slice \"abc\" 4}}", "{{slice 1}}", "{{slice nil}}", "{{slice \"abc\" 0 1 2 3}}", "{{slice \"abc\" \"a\"}}", "{{slice . 1}}",
	"{{print 1 2 \"a\" \"b\" 3}}", "{{println \"a\" 1}}", "{{print}}|{{println}}|", "{{print 1.0 1e6 123456.0 1e-5 0.0001 1e20}}", "{{print true false nil nil}}", "{{print \"a\" nil}}", "{{println nil 1}}", "{{print .}}", "{{.}}",
	"{{html .Title}}", "{{html \"a\\x00b'\" 1 2}}", "{{html nil}}", "{{html}}", "{{html 1 nil \"<\"}}", "{{js .Title}}", "{{js \"a'b\\n=é\"}}", "{{js \"\\u200b\\u2028\\\\ \\x7f\"}}", "{{js 1 2}}", "{{urlquery .URL}}", "{{urlquery \"a b\" \"/é~-_.\"}}", "{{urlquery 1 2 nil}}", "{{.Title | printf \"%s-%s\" \"x\" | html}}", "{{.Title | len | printf \"%03d\"}}", "{{\"a\" | eq \"a\"}}", "{{3 | 4}}", "{{|len}}", "{{.Title|}}", "{{.Title | .Kind}}", "{{.Title | $}}", "{{1 | (print)}}", "{{.Title | \"x\"}}", "{{.Title | true}}", "{{.Title | .}}", "{{.Title |}}x{{.Kind|}}", "{{.Title | | len}}",
	"{{range .Labels}}x{{end}}", "{{range 3}}{{.}}{{end}}", "{{range 0}}x{{else}}e{{end}}", "{{range -1}}x{{else}}e{{end}}", "{{range $i := 3}}{{$i}}{{.}}{{end}}", "{{range $i, $x := 3}}{{$i}}{{end}}", "{{range $a, $b, $c := .Labels}}x{{end}}", "{{range $a, 1 := .Labels}}x{{end}}", "{{range $a, := 3}}x{{end}}", "{{range $a,}}x{{end}}", "{{range 1.5}}x{{end}}", "{{range true}}x{{end}}", "{{range .}}x{{end}}", "{{range nil}}x{{else}}n{{end}}", "{{range (index \"\\x02\" 0)}}{{printf \"%T\" .}}{{end}}", "{{range 5}}{{if eq . 1}}{{continue}}{{end}}{{if eq . 3}}{{break}}{{end}}{{.}}{{end}}", "{{range 2}}{{range 2}}{{break}}{{end}}x{{end}}", "{{$x := 9}}{{range $x = 3}}{{$x}}{{end}}{{$x}}", "{{break}}", "{{continue}}", "{{break 1}}", "{{range 1}}{{break 1}}{{end}}", "{{range 1}}{{define \"x\"}}{{end}}{{end}}", "{{range 1}}{{block \"x\" 1}}{{break}}{{end}}{{end}}", "{{if true}}{{break}}{{end}}", "{{range 1}}{{else}}{{break}}{{end}}",
	"{{template \"missing\"}}", "{{define \"T\"}}<{{.}}>{{end}}{{template \"T\" .Number}}", "{{define \"T\"}}<{{.}}>{{end}}{{template \"T\"}}", "{{define \"T\"}}{{.Nope}}{{end}}{{template \"T\" .}}", "{{define \"T\"}}{{$}}{{end}}{{$x := 1}}{{template \"T\" $x}}", "{{define \"T\"}}{{$x}}{{end}}", "{{template \"T\" .}}{{define `T`}}late{{end}}", "{{template .Title}}", "{{template}}", "{{template \"T\" 1 2}}{{define \"T\"}}{{end}}", "{{define \"T\"}}{{.Foo}}{{end}}{{template \"T\"}}", "{{block \"B\" .Number}}b{{.}}{{end}}", "{{block \"B\"}}x{{end}}", "{{block B .}}x{{end}}", "{{block \"B\" .}}x{{else}}y{{end}}", "{{block \"B\" .}}x", "{{define \"A\"}}1{{end}}{{define \"A\"}}2{{end}}", "{{define \"A\"}}{{end}}{{define \"A\"}}2{{end}}{{template \"A\"}}", "{{define \"A\"}}1{{end}}{{define \"A\"}} {{end}}{{template \"A\"}}", "{{define x}}", "{{define \"x\" 1}}{{end}}", "{{if true}}{{define \"x\"}}{{end}}{{end}}", "{{define \"a\"}}{{define \"b\"}}{{end}}{{end}}", "{{define \"a\"}}x{{else}}{{end}}", "{{define \"a\"}}x", "{{define \"tmpl\"}}self{{end}}", "x{{define \"tmpl\"}}self{{end}}", "{{define \"\"}}empty{{end}}{{template \"\"}}", "{{define \"\\q\"}}{{end}}",
	"{{.Title 1}}", "{{\"a\" \"b\"}}", "{{1 2}}", "{{. 1}}", "{{true 1}}", "{{nil 1}}", "{{(1) 2}}", "{{.Title.}}", "{{.title}}", "{{. Title}}", "{{.Title .Kind}}", "{{$.Title 1}}", "plain } text }} { ok", "{{{.Title}}}", "{{ \"{{\" }}.Number{{ \"}}\" }}", "a\n{{- \"b\" -}}\nc", "a \t\r\n {{- 1}} {{1 -}} \r\n\t b", "{{if .Title}}a{{else}}b{{else}}c{{end}}", "{{if 0.0}}t{{else}}f{{end}}{{if \"0\"}}t{{else}}f{{end}}{{if 0i}}t{{else}}f{{end}}{{if .}}t{{end}}{{if nil}}t{{else}}f{{end}}", "{{\"\\q\"}}", "{{\"\\u00e9\\x41\\101\\U0001F600\\a\\b\\f\\v\\t\\\\\\\"\"}}", "{{\"\\ud800\"}}", "{{\"\\x4\"}}", "{{\"\\400\"}}", "{{\"\\'\"}}", "{{`a\\nb`}}{{`x\ny`}}", "{{index}}", "{{not}}", "{{slice}}", "{{printf}}", "{{call}}", "{{\n.Title\n}}", "{{if not .Comments}}none{{end}}", "{{end x}}", "{{@}}", "{{.a.#}}", "{{#}}", "{{.a#}}", "{{a-b}}", "{{.a-b}}", "{{$a-b}}", "{{é}}", "{{.é}}", "{{\x01}}", "{{\u200b}}", "{{ , }}", "{{.Title , .Kind}}", "{{(.Title)}}", "{{(.Title}}", "{{.Title)}}", "{{(}}", "{{)}}", "{{()}}", "{{(.).Title}}", "{{(index .Title 0).Foo}}", "{{(print \"a\").Foo}}", "{{(nil).Foo}}", "{{(1).Foo}}", "{{1.Foo}}", "{{\"a\".Foo}}", "{{true.Foo}}", "{{print.Foo}}", "{{len.Foo}}", "{{(.).Title.Foo}}", "{{((.)).Number}}", "{{(len .Title)}}", "{{len (print .Title .Kind)}}", "{{print (1 | printf \"%d\") 2}}", "{{print (eq 1 1) (.Title)}}", "{{call .Title}}", "{{call nil}}", "{{call 1 2}}", "{{.Title | call}}", "{{ .Title\n | len }}", "{{/**/}}a{{/**/}}", "{{- /**/ -}}", "{{true}} {{false}}", "{{truex}}", "{{if true -}} x {{- end}}", "}}{{", "{{ {{", "{{.Title}}{{.Kind", "\n\n{{.Nope}}", "é{{.Nope}}", "{{/*a*/}}{{.Nope}}", "{{if true}}\n  {{.Nope}}\n{{end}}", "{{len .Title .Kind}}", "{{len (index .Title 100)}}", "{{print (len 3)}}", "{{ 3 | len }}", "{{printf \"%d\" (len 3)}}", "{{with $x := 1}}{{$x}}{{end}}{{$x}}", "{{range $i, $e := \"ab\"}}{{end}}", "{{if eq}}{{end}}", "{{if and}}{{end}}", "{{abcdefghijklmnop}}", "{{end abcdefghijklmnop}}", "{{define abcdefghijklmnop}}", "{{end \"abcdefghijklmnop\"}}", "{{template abc}}", "{{.Title}}{{else}}", "{{with .Title}}{{else}}{{else}}{{end}}", "{{range 1}}{{else}}{{else}}{{end}}", "{{if .Title}}\n{{.Bad", "{{if .Title}}\n\n{{.Bad\n\n", "{{.Kind}}\n{{\"a\nb\"}}", "{{(.Kind\n}}", "{{if\n.Bad", "{{ `\n` .Nope }}",
	"{{.Kind}} #{{.Number}}: {{.Title}}\n\n{{.Body}}{{if .Comments}}\n\nComments:\n{{.Comments}}{{end}}",
	"{{/* a comment */ -}}\n{{range $i := 3}}{{if $i}}, {{end}}item {{$i}}{{end}}\n", "{{$a := 1}}{{$b := 2}}{{$a}}{{$b}}{{with 3}}{{$a = .}}{{end}}{{$a}}", "{{with 1}}{{with 2}}{{.}}{{end}}{{.}}{{end}}", "{{define \"r\"}}{{if .}}x{{template \"r\" (slice . 1)}}{{end}}{{end}}{{template \"r\" \"abc\"}}", "{{if (eq .Kind \"Issue\") | not}}a{{else}}b{{end}}", "{{or (and .Comments 1) .Kind | printf \"%s!\"}}",
}

var maps = []string{
	"{{.Missing}}", "{{index . \"Missing\"}}", "{{with index . \"Missing\"}}x{{else}}none{{end}}", "{{if .Missing}}x{{end}}", "{{with .Missing}}x{{end}}", "{{.Nil}}", "{{print .Nil}}", "{{html .Nil}}", "{{.Nil.x}}", "{{len .Nil}}", "{{range .Nil}}x{{else}}e{{end}}", "{{.ChangedFiles}} {{.Empty}}", "{{range $i, $f := .ChangedFiles}}{{if $i}}, {{end}}{{$i}}={{$f}}{{end}}", "{{range .ChangedFiles}}{{if eq . \"b.go\"}}{{break}}{{end}}{{.}};{{end}}", "{{range $k, $v := .A}}{{$k}}={{$v}}{{end}} {{.A}} {{len .A}}", "{{.L}}", "{{index .L 5}}", "{{slice .L 1 2}}", "{{slice .L 1 2 3}}", "{{slice .L 2 1}}", "{{slice .L 1 2 2}}", "{{slice .L 0 2 1}}", "{{.Deep.data.absent}}", "{{.Deep.data.s.x}}", "{{index .Deep \"nope\" \"deep\"}}", "{{.Deep.data.hyphen-key}}", "{{$c := index . \"Context\"}}[{{$c}}]", "{{eq .Nil nil}} {{eq .Nil \"x\"}} {{not .Empty}}", "{{.Größe}}", "{{.}}", "{{.Deep}}", "{{range .}}{{.}};{{end}}", "{{range $k, $v := .}}{{$k}};{{end}}", "{{.A 1}}", "{{.A.k 1}}", "{{1 | .A}}", "{{index .A 1}}", "{{index .A nil}}", "{{index .A \"k\"}}", "{{index .A \"k\" 0}}", "{{index .A \"k\" \"x\"}}", "{{index .L 0}} {{index .L 1}} {{index .L 2}}", "{{index .L 2 0}}", "{{index .L \"0\"}}", "{{index .L -1}}", "{{index .L 3}}", "{{index .Nil 1}}", "{{slice .Nil}}", "{{len .L}} {{len .A}} {{len .Empty}} {{len .T}}", "{{eq .A .A}}", "{{eq .L .L}}", "{{eq .A .L}}", "{{eq .A 1}}", "{{eq .A nil}}", "{{lt .A 1}}", "{{eq .T \"t\"}} {{eq \"t\" .T}}", "{{printf \"%v %s %d %q %T\" .L .L .L .L .L}}", "{{printf \"%v %s %q %T\" .A .A .A .A}}", "{{printf \"%#v\" .A}} {{printf \"%#v\" .L}} {{printf \"%+v\" .A}}", "{{printf \"%5v|%-5v|\" .ChangedFiles .ChangedFiles}}", "{{printf \"%x\" .ChangedFiles}}", "{{printf .T}}", "{{printf .Nil}}", "{{printf .A}}", "{{printf (index . \"Missing\")}}", "{{index . \"Missing\" | printf}}", "{{print .Nil .Nil}}", "{{print .Nil \"a\"}}", "{{js .Nil}} {{urlquery .Nil}}", "{{.Nil | print}}", "{{.Nil | len}}", "{{.Nil | html}}", "{{index .L 2}}", "{{index .L 2 | print}}", "{{with .Deep.data}}{{.s}}{{.yes}}{{end}}", "{{with .Deep}}{{with .data}}{{.nope}}{{end}}{{end}}", "{{if .Deep.data.no}}y{{else}}n{{end}}", "{{range .Deep.data.list}}({{range .}}{{.}}{{else}}-{{end}}){{end}}", "{{.Deep.data.list}}", "{{$d := .Deep}}{{$d.data.s}}", "{{$d := .Deep}}{{$d.nope}}", "{{$d := .Deep.data.s}}{{$d.x}}", "{{(index .Deep \"data\").s}}", "{{(index .Deep \"data\").nope}}", "{{(index .Deep \"none\").x}}", "{{range .ChangedFiles}}{{.x}}{{end}}", "{{range .L}}{{.}},{{end}}", "{{range .L}}[{{print .}}]{{end}}", "{{range $x := .L}}{{$x}},{{end}}", "{{range .T}}{{end}}", "{{.F}} {{printf \"%.2f\" .F}} {{eq .F 2.5}} {{lt .F 3.0}}", "{{range .A}}{{continue}}x{{end}}ok", "{{template \"x\" .A}}{{define \"x\"}}{{.k}}{{.zz}}{{end}}", "{{call .T}}", "{{call .Nil}}", "{{.A.k.z}}", "{{.Missing.x}}", "{{not .Nil}} {{and .Nil 1}} {{or .Nil 1}}", "{{and .T .A}} {{or .Nil .Nil}}", "{{with $x := .A}}{{$x.k}}{{end}}", "{{eq .Nil .Nil}}", "{{ne .Nil nil}}", "{{len .Deep.data.list}}{{len (index .Deep.data.list 1)}}", "{{index .Deep.data.list 0 1}}", "{{slice .ChangedFiles 0 1}}{{slice .T 0 1}}", "{{if index . \"T\" -}} yes {{- end}}", "{{.T.}}", "{{$.T}}{{$.A.k}}{{$.Zip}}", "{{$x := .A}}{{$x}}{{$x = .T}}{{$x}}", "{{ html .A }} {{js .A}} {{urlquery .A}}", "{{printf \"%d\" .A}}", "{{printf \"%t\" .Deep.data.yes}}", "{{printf \"%v\" .Nil}} {{printf \"%s\" .Nil}} {{printf \"%d\" .Nil}} {{printf \"%T\" .Nil}} {{printf \"%+v\" .Nil}} {{printf \"%#v\" .Nil}} {{printf \"%9v|\" .Nil}}", "{{index . \"T\" \"U\"}}", "{{range $i, $x = .L}}{{end}}", "{{$i := 0}}{{$x := 0}}{{range $i, $x = .ChangedFiles}}{{$i}}{{$x}}{{end}}{{$i}}{{$x}}",
}

var deps = []string{
	"Review branch {{ index .Deps \"a-b\" \"Results\" \"branch\" }}", "{{ index .Deps \"a-b\" \"Outputs\" }}", "{{index .Deps \"a-b\" \"Name\"}}", "{{index .Deps \"a-b\" \"Results\" \"nokey\"}}", "{{index .Deps \"plain\" \"Results\" \"pr\"}}", "{{.Deps.plain.Results.nokey}}", "{{index .Deps \"zzz\" \"Results\" \"k\"}}", "{{index .Deps \"zzz\"}}", "{{.Deps.a-b.Results}}", "{{index .Deps \"a-b\" \"Outputs\" 1}}", "{{index .Deps \"a-b\" \"Outputs\" 5}}", "{{index .Deps \"a-b\" \"Results\"}}", "{{index .Deps \"plain\" \"Outputs\"}}", "{{range $k,$v := index .Deps \"a-b\" \"Results\"}}{{$k}}={{$v}};{{end}}", "{{if index .Deps \"plain\" \"Results\" \"pr\"}}yes{{else}}no{{end}}", "${{ github.token }}", "{{name}}", "{{.Foo}}", "{{.Deps.scaffold.Results.branch}} {{index .Deps \"scaffold\" \"Results\" \"branch\"}}", "{{.Deps.scaffold.Results.nokey}}", "{{index .Deps \"scaffold\" \"Outputs\"}} {{index .Deps \"scaffold\" \"Outputs\" 1}}", "{{.Title}}", "{{printf \"%T %T\" .Deps.scaffold.Outputs .Deps.scaffold.Results}}", "{{printf \"%#v %#v\" .Deps.scaffold.Outputs .Deps.scaffold.Results}}", "{{range .Deps.scaffold.Outputs}}{{.}};{{end}}", "{{range .Deps.scaffold.Outputs}}{{.x}}{{end}}", "{{len .Deps.plain.Results}}{{len .Deps.plain.Outputs}}", "{{range .Deps}}{{.Name}};{{end}}", "{{.Deps.scaffold.Results.branch.x}}", "{{slice .Deps.scaffold.Outputs 1}}", "{{eq .Deps.scaffold.Results.branch \"feat\"}}", "{{eq .Deps.scaffold.Outputs .Deps.scaffold.Outputs}}", "{{printf \"%q\" .Deps.scaffold.Outputs}}", "{{with .Deps.plain.Outputs}}x{{else}}none{{end}}", "{{range .Deps.plain.Outputs}}x{{else}}none{{end}}", "{{index .Deps.plain.Outputs 0}}", "{{.Deps.plain}}", "{{index .Deps \"scaffold\" \"Results\" 1}}", "{{printf .Deps.scaffold.Name}}",
}

// Odd templates, by what they are run over; most were made at random and differed once.
var odd = map[string][]string{
	"D": {
		"{{block \"B\" .}}\nx\n{{else}}y{{end}}",
		"{{-\nblock \"B\" .}}x\n{{else}}\n{{end}}",
		"{{define \"A\"}}\n{{else}}{{end}}",
		"{{slice .Title .Kind}}",
		"{{range 3}}{{if .}}{{continue}}{{end}}{{.}}{{else}}e{{end}}",
		"{{with 0}}a{{else with \"\"}}b{{else with 7}}{{.}}{{end}}",
		"{{printf \"% +d%#q\" (print) 2 }}",
		"{{- printf \"%E\" 1e3}}",
		"{{ printf \"%-+8d|%+q\" \"\" 2\t-}}",
		"{{ (.Body)| printf \"%s\" .Kind .URL .Labels| js nil $}}",
		"{{or .Body (.Title)}}",
		"{{.URL}}",
		"{{-\nprintf \"%x%d%b\" .Kind}}",
		"{{-\nprintf \"%t\" .5 .Number }}",
		"{{\nprintf \"%*d%10.4d|\" (.ID) .5\t-}}",
		"{{-\n$ -}}",
		"{{printf \"%+d\" (.Title)}}",
		"{{\nprintf \"%E\" -0.0 .}}",
		"{{ -0.0 -}}",
		"{{- printf \"%z%X\" 0b11}}",
		"{{printf \"%c%E\" (.URL)}}",
		" a \n{{\n.Number\t-}}-{{- js}} a \n",
		"{{-\nprintf \"%!%x%d\" .\t-}}",
		"{{printf \"%.0f\" (.Title)}}",
		"{{-\nprintf \"%\" \"é日\" }}",
		"{{ and $ |printf \"%F\" (.Number) .Comments\t-}}",
		"{{printf \"%00d%c\" .ID \"\\x00\\x7f\\u200b\"}}",
		"{{\nprintf \"%06d\" 1_0 1e3}}",
		"{{.Labels -}}",
		"{{html}}",
		"{{- printf \"%O\" (js .Labels (.Title))}}",
		"{{- printf \"%#o\" 2\t-}}",
		"{{ .Labels }}",
		"{{-\nprintf \"%O\" $ }}",
		"{{\nprintf \"%b\" $.Number .Labels}}",
		"{{printf \"%t\" (html $ 0x1F)}}",
		"{{-\nprintf \"%#.3g%[3]*.[2]*[1]f\" $ -}}",
		"{{printf \"%x %X\" .URL false}}",
		"{{ printf \"%.3v\" 'a' \"\\x00\\x7f\\u200b\"}}",
		"{{-\n.Kind -}}",
		"{{printf \"%o%s\" $}}",
		"\n{{$x := js $.Number .Number}}b\t",
		"{{false}}",
		"{{printf \"%+q\" $\t-}}",
		"{{- printf \"%v%#v\" $.Title}}",
		"{{printf \"%z%t %v\" 0}}",
		"{{ printf \"%b\" -1 false}}",
		"{{printf \"%w%#x\" ($.Title)}}",
		"{{- and 0x1F }}",
		"{{- printf \"%#.3g%.3v\" \"<a&'\\\">\"}}",
		"{{\nprintf \"%\" ($)}}",
		"{{printf \"%o%#x\" .URL}}",
		"{{-\nprintf \"%g\" 1_0 -}}",
		"])} true range_9{{ define ",
		"{{\nprintf \"%010.4d|\" ($ | ne .Nope (.Title)|0)}}",
		"{{$x\"\n { ",
		"{{with 'a'\n",
		"  \n  {{- continue}} a \n",
		"{{print'a'end true block x`b` }continue}}",
		"{{\"- 1.5 ibreakrange& /*}}",
		"printrange break {{",
		"{{continue }}",
		"{{else -}} */) template )block := \" } ",
		"{{range rangelen `b` (;}}",
		"\n{{else -}}}}",
		"{{ lt (ge $y $ \"<a&'\\\">\")|.Comments}}",
		"{{9len elselen -}}# \"a\"",
		"{{templatelen{{+ 1e }}",
		"{{1eendwith}}",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}}  \n  {{/* a\nb */ }}  \n  ",
		"{{\" len/* & .continue }}",
		"{{- \" '{{len; -}}}}",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}}  \n  {{range}}",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}}}}{{-\n(index 1i \"str\" .) -}}\n{{-\nrange -}}é",
		"{{or| slice .Body $ $.Title| not -}}",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}}x{{else}}}}",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}}{{with}}b\t",
		"}}{{ range\t-}}é{{ slice .Comments \"<a&'\\\">\"|urlquery $y .number .Kind -}}",
		"{{if true ` - .A[&_ define}}",
		"{{) 1.5= ",
		"{{- eq $x}}",
		"{{+if'a' ( len}}",
		"{{}}(`b`}}",
		"}}{{- $x = eq}}\n{{\n$x := (call 0 .Number .ID)| ge 0b11 }} a \n{{ range}}x",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}}-{{- continue}}é",
		" a \n{{break -}}}}",
		"{{ `\n }}",
		"{{' 9 1e \\\" 1.5 };}}",
		"{{$x , }}",
		"{{-}}   1 ' 1\n}}",
		"{{html $i}}",
		"{{+break {{ ,x }}",
		"{{break }}",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}}é{{if}}  \n  ",
		"é eq \n 1.5 {{- ` 1.5 &@ }}}",
		"\n{{if }}}}{{range $x := 1}}{{{define \"T1\"}}{{gt .ID}}{{end}}}}{{end}}}}",
	},
	"M": {
		"{{slice .T .A}}",
		"{{slice .T .Nil}}",
		"{{slice .T (index . \"X\")}}",
		"{{slice .L .Deep.data.list}}",
		"{{slice (index .L 0) $.T}}",
		"{{index .L .T}}",
		"{{index .ChangedFiles .Nil}}",
		"{{eq .Empty .Empty}}",
		"{{eq .Empty nil}}",
		"{{printf \"%#v %#v\" .Empty .Nil}}",
		"{{printf \"%E%.3v\" .\t-}}",
		"{{ printf \"%!\" \"\"}}",
		"{{printf \"%x%d\" -0.0}}",
		"{{-\nprintf \"%G\" (index .A \"k\") 1i}}",
		"{{printf \"%[1]d %d\" $ -}}",
		"{{ printf \"%x%d\" .F 3}}",
		"{{(index .L 2)}}",
		"{{(index . \"X\")}}",
		"{{printf \"%*d\" 'a'}}",
		"{{-\nprintf \"%010.4d|\" 07}}",
		"{{println -}}",
		"{{\nprintf \"%-06d|\" .Nil}}",
		"{{printf \"%g%!\" .A.zz}}",
		"{{- printf \"%E%v\" .A (`raw`)}}",
		"{{- println .Nil .L \"a b\"|and 2 $ $}}",
		"{{-\nprintf \"%.5d%g\" 42 -}}",
		"{{-\nprintf \"% +d%#x\" .A -}}",
		" {{.Deep}}  \n  {{define \"T1\"}}{{(index 0b11 | js .)}}{{end}} a \n{{.}} a \n",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}} a \n{{ js .}}b\t{{-\n$x = urlquery $ .Nil \"a b\" -}}-",
		"{{printf \"%+.5d|\" 0 .Deep}}",
		"{{\nprintf \"%X\" \"<a&'\\\">\" }}",
		"{{- printf \"%t %v\" 1.5 ((index . \"X\"))}}",
		"{{- printf \"%+.3e%#.3g\" (html) }}",
		"{{\"é日\"}}",
		"  \n  {{define \"T1\"}}{{lt (index .L 0) .Missing\t-}}{{end}}x",
		"{{- printf \"%c\" (index . \"X\")\t-}}",
		"{{printf \"%#q%[3]*.[2]*[1]f\" $.T}}",
		"{{printf \"%[2]v%!\" (\"<a&'\\\">\") -1}}",
		"{{printf \"%d%x\" .A.k}}",
		"{{- printf \"%b\" (index .L 0) $.T }}",
		"{{- printf \"%5%%+q\" \"é日\" \"str\" }}",
		"{{js \"<a&'\\\">\"\t-}}",
		"{{printf \"%-10.4d|%[2]v\" nil }}",
		"{{printf \"%+.5d|\" 3 .T -}}",
		"{{-\nprintf \"%G\" 1 `raw` }}",
		"{{(index .A \"k\")\t-}}",
		"{{printf \"%o\" .Empty}}",
		"{{printf \"%F\" (or .Größe .5) .5 }}",
		" a \n{{- $x = urlquery (index . \"X\")}}}}{{\nhtml}} {{if}}é",
		"{{1e= end:= , (}}",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}}{{printf \"%v%%\" .Nil.x $ -}}{{{-\njs .Nil.x}}{{range}}\n",
		"é{{break\t-}}}}",
		"{{/* @ with1.5(if -}} )}}",
		"{{' \\ _/*='a'é + ##}}",
		"{{|\n ;@else é{true` range }}",
		"{{block@nileq $x }}",
		"{{. \" block | }}",
		"{{len $xblock = 9block template$ | len }}",
		". len \"a\"\\{{()continue\" \" ",
		"{{)withelse {{1 'a'_ `}}",
		"else len {{",
		"{{' +with end 1e if + ( }}",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}}}}{{- end}}x{{block \"B2\" $}}{{not}}{{end}}\n",
		"{{' 1e ;9 'a' .nil{{ */ ",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}} {{- $x, $y := 1 }}x",
		"{{/*.A' true*/ _",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}}é{{$x, $y := 1}}-",
		"{{}}$x }}",
		"b\t{{- $x, $y := 1}}x",
		"{{\n(not)|le}}",
		"1.5 .Title {{",
		"{{- definewith /*{{- -$\"@0x}}",
		"{{- ;,'a' $x template,",
		"{{_| define {{-&.A end 1e {[ }}",
		"{{(index . \"X\") | 1i\t-}}",
	},
	"deps": {
		"{{printf \"%#v\" .Deps.plain}}",
		"{{ne .Deps.scaffold.Outputs .Deps.plain.Outputs}}",
		"{{eq .Deps.plain.Outputs .Deps.plain.Outputs}}",
		"{{eq .Deps.plain.Results .Deps.scaffold.Results}}",
		"{{eq .Deps.plain.Results .Deps.plain.Outputs}}",
		"{{eq .Deps.plain.Outputs nil}}",
		"{{eq nil .Deps.plain.Results}}",
		"{{printf \"%#v\" (slice .Deps.plain.Outputs 0 0)}}",
		"{{printf \"%#v\" (slice .Deps.scaffold.Outputs 0 0)}}",
		"{{eq (slice .Deps.plain.Outputs 0) nil}}",
		"{{eq (slice .Deps.scaffold.Outputs 0 0) nil}}",
		"{{not .Deps.plain.Outputs}} {{len .Deps.plain.Results}}",
		"{{printf \"%010.4d|\" .Deps.scaffold.Results.branch (index .Deps \"a-b\")}}",
		"{{-\nprintf \"%5v\" 0 \"\"\t-}}",
		"{{printf \"%06d%v\" .Deps (index .Deps \"scaffold\" \"Results\") -}}",
		"{{-\nprintf \"%06d%#v\" true\t-}}",
		"{{printf \"%c\"\t-}}",
		"{{html \"\" }}",
		"{{- printf \"%T\" . .Deps.scaffold.Results -}}",
		"{{html \"\" -}}",
		"{{js true . -}}",
		"{{html (index .Deps \"scaffold\" \"Results\") .Deps.plain.Outputs }}",
		"{{-\nprintf \"%G\" \"\\x00\\x7f\\u200b\"}}",
		"{{\nprintf \"%#b%+.5d|\" -1 .Deps}}",
		"{{printf \"%#v\" (.Deps.plain.Results) 1e3}}",
		"{{-\n1.5}}",
		"{{printf \"%.3v\" 42 (1.5)}}",
		"{{ printf \"%[1]v %[1]T\" -3.25 0}}",
		"{{ .Deps.scaffold.Name }}",
		"{{- printf \"%+d\" 1_0 }}",
		"{{ printf \"%q% d\" 3}}",
		"{{- (index .Deps \"a-b\") }}",
		"{{- printf \"%g%g\" .Deps.plain.Outputs}}",
		"{{-\n.Deps}}",
		"{{.Deps}}",
		"{{\n42\t-}}",
		"{{printf \"%5v%q\" \"a b\" `raw`}}",
		"+'a' 1{{-\" \n",
		"{{) /* end` true.Title)` }}",
		"{{lt .Deps.zz .Deps.zz -1 |. -}}",
		"{{)len nil {{block{{ \" print . }}",
		"\t\n {{-,' \n'if elserange",
		"{{ le .Deps.scaffold.Outputs }}",
		"{{/* else1e i -}}'a'-}} ",
		"{{\n ' }}",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}}é{{\n$x = call -}}b\t{{with}}  \n  ",
		"{{continue }}",
		"{{'range}}",
		"{{' \t] \neq print len}}",
		"{{` $x with. }'a'}} 1e }}",
		" {{with}} a \n",
		"{{\n ` break }}",
		"{{&1.5continue",
		"{{printf \"%%-8s|\" .Deps.zz}}",
		" {{ else with . -}}é",
		"{{break}}",
		"{{}}| `-}} .Titlecontinue',.Title\" }}",
		"{{ print | 0x1F}}",
		"\n{{-\n/* c */ }}",
		"{{_ é else[ i1e #) .Title }}",
		"{{\"a\" '_with := \"'a'=}}",
		"{{/* 'a'}}",
		"{{/*# $ 9$x} - ",
		"{{$x := 1}}{{$y := .}}{{$i := \"z\"}}b\t{{define \"T2\"}}{{index\t-}}{{end}} {{end}}  \n  ",
	},
}

func main() {
	var cases []Case
	add := func(set string, texts []string) {
		for _, t := range texts {
			c := run(set, t)
			// Some mistakes surface as panics of Go's reflection; ours say what is wrong.
			if strings.Contains(c.Err, "reflect:") {
				continue
			}
			cases = append(cases, c)
		}
	}
	add("D", structs)
	for _, f := range formats {
		add("D", []string{"{{" + f + "}}"})
	}
	for _, verb := range verbs {
		text := ""
		for _, v := range values {
			text += fmt.Sprintf("{{printf %q %s}};", verb, v)
		}
		add("D", []string{text})
	}
	add("M", maps)
	add("P", maps)
	add("deps", deps)
	for _, set := range []string{"D", "M", "P", "deps"} {
		if set == "P" {
			add(set, odd["M"])
		} else {
			add(set, odd[set])
		}
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	fmt.Println("[")
	for i, c := range cases {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(c); err != nil {
			panic(err)
		}
		line := strings.TrimRight(b.String(), "\n")
		if i+1 < len(cases) {
			line += ","
		}
		fmt.Println(line)
	}
	fmt.Println("]")
	fmt.Fprintln(os.Stderr, len(cases), "cases")
}
