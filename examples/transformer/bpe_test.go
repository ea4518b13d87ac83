package transformer

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// digests are what another implementation makes of texts, see testdata/decoder.py.
type digests struct {
	Texts, Blocks []string
}

// hold holds a tokenizer against digests, and decodes what it has encoded.
func (d *digests) hold(t *testing.T, b *BPE) {
	t.Helper()
	texts := hardTexts(t)
	if len(d.Texts) != len(texts) || len(d.Blocks) != 0x110 {
		t.Fatalf("%d texts and %d blocks", len(d.Texts), len(d.Blocks))
	}
	digest := func(numbers []int) string {
		sum := sha256.Sum256([]byte(strings.Trim(fmt.Sprint(numbers), "[]")))
		return fmt.Sprintf("%.4x", sum)
	}
	step := 1
	if testing.Short() {
		step = 16
	}
	for i := 0; i < len(texts); i += step {
		text := texts[i]
		tokens := b.Encode(nil, text)
		if got := digest(tokens); got != d.Texts[i] {
			t.Errorf("text %d, %q: tokens %v have the digest %s, want %s", i, text, tokens, got,
				d.Texts[i])
		}
		said := text
		if b.compose {
			said = norm.NFC.String(text)
		}
		if back := b.Decode(tokens); back != said {
			t.Errorf("text %d, %q becomes %q, want %q", i, text, back, said)
		}
	}
	for block := 0; block < len(d.Blocks); block += step {
		want := d.Blocks[block]
		var text []byte
		for c := rune(block) << 12; c < rune(block+1)<<12; c++ {
			if utf8.ValidRune(c) {
				text = fmt.Appendf(text, " a%cb 7%c%c.", c, c, c)
			}
		}
		words := splitAll(nil, strings.TrimPrefix(string(text), " "), b.splitters)
		if got := digest(words); got != want {
			t.Errorf("characters from U+%x000 on: words have the digest %s, want %s", block, got, want)
		}
	}
}

// splitAll appends the lengths of the words of a text.
func splitAll(words []int, text string, splitters []splitter) []int {
	if len(splitters) == 0 {
		return append(words, len(text))
	}
	for len(text) > 0 {
		n := splitters[0](text)
		words = splitAll(words, text[:n], splitters[1:])
		text = text[n:]
	}
	return words
}

// hardTexts are those of tokens.json.gz that are UTF-8.
func hardTexts(t *testing.T) (texts []string) {
	t.Helper()
	for _, c := range readTokens(t).Texts {
		if c.Text != nil {
			texts = append(texts, *c.Text)
		}
	}
	return texts
}

// bpe returns a tokenizer of testdata, and what is known of it.
func bpe(t testing.TB, kind string) (*BPE, digests) {
	t.Helper()
	text, err := os.ReadFile("testdata/bpe-" + kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Tokenizer json.RawMessage
		digests
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	b, err := newBPE(file.Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	return b, file.digests
}

// TestBPE holds tokens against those of the reference tokenizer: of hard texts, and of every
// character there is.
func TestBPE(t *testing.T) {
	for _, kind := range []string{"gpt2", "smollm", "llama3", "qwen"} {
		b, want := bpe(t, kind)
		t.Run(kind, func(t *testing.T) { want.hold(t, b) })
	}
}

// TestModelBPE does so with the tokenizer of SmolLM2.
func TestModelBPE(t *testing.T) {
	folder := os.Getenv("PALETTIZE_DECODER")
	if folder == "" {
		t.Skip("set PALETTIZE_DECODER to the folder of SmolLM2 that examples/decoder/smollm2.py makes")
	}
	b, err := ReadBPE(filepath.Join(folder, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/smollm2.json")
	if err != nil {
		t.Fatal(err)
	}
	var want digests
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	want.hold(t, b)
}

func TestBPEAddedTokens(t *testing.T) {
	b, _ := bpe(t, "llama3")
	begin, ok := b.Number("<|begin|>")
	end, ok2 := b.Number("<|end|>")
	if _, ok3 := b.Number("<|none|>"); !ok || !ok2 || ok3 {
		t.Fatal("added tokens:", ok, ok2, ok3)
	}
	tokens := b.Encode(nil, "a<|end|><|end|>b<|end|")
	if tokens[0] != begin || tokens[2] != end || tokens[3] != end || slices.Contains(tokens[4:], end) {
		t.Errorf("tokens %v", tokens)
	}
	if text := b.Decode(tokens); text != "ab<|end|" {
		t.Errorf("text %q", text)
	}
	if tokens := b.Encode(nil, ""); !slices.Equal(tokens, []int{begin}) {
		t.Errorf("tokens of no text: %v", tokens)
	}
	if text := b.Decode([]int{-1, b.Size(), 1 << 30}); text != "" {
		t.Errorf("numbers of no tokens stand for %q", text)
	}
}

// TestBPEBytes: what is no UTF-8 comes back as it was.
func TestBPEBytes(t *testing.T) {
	for _, kind := range []string{"gpt2", "smollm", "llama3"} {
		b, _ := bpe(t, kind)
		for _, text := range []string{"\xff", "a\xe2\x82 b", "\xc0\x80'S\xed\xa0\x80 \xf0\x9f", "'\xff"} {
			if got := b.Decode(b.Encode(nil, text)); got != text {
				t.Errorf("%s: %q becomes %q", kind, text, got)
			}
		}
	}
}

// TestBPELong: time does not grow with the square of a word's length.
func TestBPELong(t *testing.T) {
	b, _ := bpe(t, "gpt2")
	start := time.Now()
	n := 1 << 18
	if testing.Short() {
		n = 1 << 15
	}
	for _, text := range []string{strings.Repeat("a", 4*n), strings.Repeat("the ", n),
		strings.Repeat(" ", 4*n)} {
		if got := b.Decode(b.Encode(nil, text)); got != text {
			t.Errorf("%.10q... comes back as another", text)
		}
	}
	if spent := time.Since(start); spent > time.Minute {
		t.Errorf("%d bytes took %v", 12*n, spent)
	}
}

func TestBPEBadFiles(t *testing.T) {
	const good = `{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
		"pre_tokenizer": {"type": "ByteLevel"}, "decoder": {"type": "ByteLevel"},
		"post_processor": null, "normalizer": null}`
	b, err := newBPE([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if tokens := b.Encode(nil, "abba?"); !slices.Equal(tokens, []int{2, 1, 0}) {
		t.Errorf("tokens %v", tokens) // ? is in no token
	}
	for _, c := range []struct{ old, new, want string }{
		{`{"model"`, `{"model`, "invalid character"},
		{`"BPE"`, `"WordPiece"`, `model "WordPiece" is not supported`},
		{`"BPE"`, `"BPE", "byte_fallback": true`, "byte fallback are not supported"},
		{`"normalizer": null`, `"normalizer": {"type": "NFKC"}`, `normalizer "NFKC" is not supported`},
		{`"normalizer": null`, `"truncation": {}`, "truncation is not supported"},
		{`"decoder": {"type": "ByteLevel"}`, `"decoder": {"type": "Metaspace"}`, `decoder "Metaspace"`},
		{`{"type": "ByteLevel"}, "d`, `null, "d`, "no pre_tokenizer"},
		{`{"type": "ByteLevel"}, "d`, `{"type": "Digits"}, "d`, "has no ByteLevel"},
		{`{"type": "ByteLevel"}, "d`, `{"type": "Metaspace"}, "d`, `pre_tokenizer "Metaspace"`},
		{`{"type": "ByteLevel"}, "d`, `{"type": "ByteLevel", "add_prefix_space": true}, "d`,
			"add_prefix_space is not supported"},
		{`{"type": "ByteLevel"}, "d`,
			`{"type": "Split", "pattern": {"Regex": "x+"}, "behavior": "Isolated"}, "d`,
			`pre_tokenizer Split, Isolated, by "x+" is not supported`},
		{`{"type": "ByteLevel"}, "d`, `{"type": "Sequence", "pretokenizers":
			[{"type": "ByteLevel"}, {"type": "Digits"}]}, "d`, "goes on behind ByteLevel"},
		{`"a b"`, `"ab"`, `merge "ab" is no pair`},
		{`"a b"`, `["a", "c"]`, `merge of "a" and "c"`},
		{`"ab": 2`, `"ab": 1`, "have the number 1"},
		{`"ab": 2`, `"ab": -2`, `token "ab" has the number -2`},
		{`"ab": 2`, `"ab": 2000000000`, `token "ab" has the number 2000000000`},
		{`"post_processor": null`, `"post_processor": {"type": "Other"}`, `post_processor "Other"`},
		{`"post_processor": null`, `"added_tokens": [{"id": 4, "content": "x", "lstrip": true}]`,
			`added token "x"`},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%s is not there", c.old)
		}
		if _, err := newBPE([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.new, err, c.want)
		}
	}
	if _, err := ReadBPE(filepath.Join(t.TempDir(), "none.json")); err == nil {
		t.Error("no file, and no error")
	}
}

func TestRunes(t *testing.T) {
	for _, c := range []struct{ in, out []string }{
		{[]string{"a", "b", ""}, []string{"a", "b", "", ""}},
		{[]string{"\xf0\x9f", "\x99", "\x82!"}, []string{"", "", "\U0001f642!", ""}},
		{[]string{"é\xe2", "\x82\xac\xe2\x82"}, []string{"é", "€", "\ufffd"}},
		{[]string{"\xff\x80", "a\xc3", "b"}, []string{"\ufffd", "a", "\ufffdb", ""}},
	} {
		var r Runes
		for i, text := range append(c.in, "rest") {
			got := ""
			if i == len(c.in) {
				got = r.Rest()
			} else {
				got = r.Add(text)
			}
			if got != c.out[i] {
				t.Errorf("%q: piece %d is %q, want %q", c.in, i, got, c.out[i])
			}
		}
	}
}

func FuzzBPE(f *testing.F) {
	var all []*BPE
	for _, kind := range []string{"gpt2", "smollm", "llama3"} {
		b, _ := bpe(f, kind)
		all = append(all, b)
	}
	f.Add("it's 12345 o'clock,\r\n\n  now \xff")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "<|") {
			return // added tokens are no text
		}
		for _, b := range all {
			if got := b.Decode(b.Encode(nil, text)); got != text {
				t.Errorf("%q becomes %q", text, got)
			}
		}
	})
}
