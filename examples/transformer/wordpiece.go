package transformer

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/unicode/rangetable"
)

// WordPiece turns text into tokens as the tokenizer.json of a model of the BERT type says. Its
// methods may be called at the same time.
type WordPiece struct {
	clean, chinese, strip, lower bool // what is done to text before it is split

	words, parts map[string]int // tokens that begin a word, and those that go on with it
	unknown      int
	longest      int // token in bytes
	wordRunes    int // a longer word is unknown
	size         int

	added       []addedToken // that stand for themselves in a text
	addedStarts [256]bool    // their first bytes

	first, last []int // what a text's tokens are put between
	limit       int   // of tokens
}

type addedToken struct {
	ID         int
	Content    string
	SingleWord bool `json:"single_word"`
	Lstrip     bool
	Rstrip     bool
	Normalized bool
}

// tokenizerFile is what of a tokenizer.json counts here.
type tokenizerFile struct {
	Truncation *struct {
		MaxLength int    `json:"max_length"`
		Direction string // of what is cut off
	}
	AddedTokens []addedToken `json:"added_tokens"`
	Normalizer  struct {
		Type         string
		CleanText    bool  `json:"clean_text"`
		Chinese      bool  `json:"handle_chinese_chars"`
		StripAccents *bool `json:"strip_accents"`
		Lowercase    bool
	}
	PreTokenizer  struct{ Type string } `json:"pre_tokenizer"`
	PostProcessor struct {
		Type     string
		Cls, Sep []any // of BertProcessing: a token and its number
		Single   []struct {
			SpecialToken *struct{ ID string }
			Sequence     *struct{}
		}
		SpecialTokens map[string]struct{ IDs []int } `json:"special_tokens"`
	} `json:"post_processor"`
	Model struct {
		Type      string
		Unknown   string `json:"unk_token"`
		Prefix    string `json:"continuing_subword_prefix"`
		WordRunes int    `json:"max_input_chars_per_word"`
		Vocab     map[string]int
	}
}

// ReadWordPiece reads a tokenizer.json. What it asks for and WordPiece does not do is an error.
func ReadWordPiece(path string) (*WordPiece, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	w, err := newWordPiece(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return w, nil
}

func newWordPiece(text []byte) (*WordPiece, error) {
	var f tokenizerFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	for _, part := range []struct{ what, is, known string }{
		{"model", f.Model.Type, "WordPiece"},
		{"normalizer", f.Normalizer.Type, "BertNormalizer"},
		{"pre_tokenizer", f.PreTokenizer.Type, "BertPreTokenizer"},
	} {
		if part.is != part.known {
			return nil, fmt.Errorf("%s %q is not supported, only %s", part.what, part.is,
				part.known)
		}
	}
	w := &WordPiece{
		clean: f.Normalizer.CleanText, chinese: f.Normalizer.Chinese,
		strip: f.Normalizer.Lowercase, lower: f.Normalizer.Lowercase,
		words: make(map[string]int), parts: make(map[string]int), wordRunes: f.Model.WordRunes,
		added: f.AddedTokens, limit: unlimited,
	}
	if f.Normalizer.StripAccents != nil {
		w.strip = *f.Normalizer.StripAccents
	}
	for token, id := range f.Model.Vocab {
		if id < 0 {
			return nil, fmt.Errorf("token %q has the number %d", token, id)
		}
		part, continues := strings.CutPrefix(token, f.Model.Prefix)
		if continues && part != "" {
			w.parts[part] = id
		}
		w.words[token] = id
		w.longest, w.size = max(w.longest, len(token)), max(w.size, id+1)
	}
	var ok bool
	if w.unknown, ok = f.Model.Vocab[f.Model.Unknown]; !ok {
		return nil, fmt.Errorf("the unknown token %q is none of the vocabulary", f.Model.Unknown)
	}
	for _, t := range w.added {
		if t.SingleWord || t.Lstrip || t.Rstrip || t.Normalized || t.Content == "" || t.ID < 0 {
			return nil, fmt.Errorf("added token %q: only such without flags are supported",
				t.Content)
		}
		w.addedStarts[t.Content[0]] = true
		w.size = max(w.size, t.ID+1)
	}
	if err := w.frame(&f); err != nil {
		return nil, err
	}
	if t := f.Truncation; t != nil {
		if t.Direction != "" && t.Direction != "Right" {
			return nil, fmt.Errorf("truncation from the %s is not supported", t.Direction)
		}
		w.limit = t.MaxLength
	}
	return w, w.checkLimit()
}

const unlimited = int(^uint(0) >> 1)

// frame finds the tokens at both ends of a text.
func (w *WordPiece) frame(f *tokenizerFile) error {
	post := &f.PostProcessor
	switch post.Type {
	case "BertProcessing":
		number := func(token []any) (ids []int) {
			if len(token) == 2 {
				if id, ok := token[1].(float64); ok {
					ids = []int{int(id)}
				}
			}
			return ids
		}
		w.first, w.last = number(post.Cls), number(post.Sep)
	case "TemplateProcessing":
		to := &w.first
		for _, piece := range post.Single {
			if piece.Sequence != nil {
				to = &w.last
			} else if piece.SpecialToken != nil {
				*to = append(*to, post.SpecialTokens[piece.SpecialToken.ID].IDs...)
			}
		}
	case "":
	default:
		return fmt.Errorf("post_processor %q is not supported", post.Type)
	}
	return nil
}

func (w *WordPiece) checkLimit() error {
	if w.limit < len(w.first)+len(w.last) {
		return fmt.Errorf("truncation to %d tokens leaves no room for those at the ends", w.limit)
	}
	return nil
}

// Size is the number of tokens that there are: all numbers are below it.
func (w *WordPiece) Size() int { return w.size }

// Limit makes Encode cut texts off so that they have at most n tokens, if the file does not say
// fewer.
func (w *WordPiece) Limit(n int) error {
	w.limit = min(w.limit, n)
	return w.checkLimit()
}

// Encode appends the tokens of a text. It reads no more of it than it needs for as many as there
// may be. Bytes that are no UTF-8 are as U+FFFD.
func (w *WordPiece) Encode(tokens []int, text string) []int {
	tokens = append(tokens, w.first...)
	end := len(tokens) + w.limit - len(w.first) - len(w.last)
	if w.limit == unlimited {
		end = unlimited
	}
	var word, normal []byte
	flush := func() {
		if len(word) > 0 {
			normal = w.normalise(normal[:0], word)
			tokens = w.split(tokens, normal)
			word = word[:0]
		}
	}
	for len(text) > 0 && len(tokens) < end {
		if w.addedStarts[text[0]] {
			if t := longestAdded(w.added, text); t != nil {
				flush()
				tokens = append(tokens, t.ID)
				text = text[len(t.Content):]
				continue
			}
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		switch {
		case w.clean && isRemoved(r):
		case unicode.IsSpace(r):
			flush()
		case w.chinese && isChinese(r):
			flush()
			word = utf8.AppendRune(word, r)
			flush()
		default:
			word = utf8.AppendRune(word, r)
		}
	}
	flush()
	return append(tokens[:min(len(tokens), end)], w.last...)
}

// isRemoved reports whether a character is cleaned away: one that controls, or that stands for what
// could not be read.
func isRemoved(r rune) bool {
	switch r {
	case '\t', '\n', '\r':
		return false
	case utf8.RuneError:
		return true
	}
	return is(r, unicode.Cc, unicode.Cf, unicode.Co)
}

// What characters are, the reference implementation knows from Unicode 8.0: those that came later
// are none of all that, and some were something else then.
var (
	known = rangetable.Assigned("8.0.0")
	moved = map[rune]*unicode.RangeTable{
		0x166d: unicode.P, 0x111c9: unicode.P, 0x1734: unicode.Mn,
		0x1885: unicode.Lo, 0x1886: unicode.Lo, 0xa9bd: unicode.Mc,
	}
)

// is reports whether a character is of one of these categories.
func is(r rune, categories ...*unicode.RangeTable) bool {
	if was, ok := moved[r]; ok {
		return slices.Contains(categories, was)
	}
	return unicode.In(r, categories...) && unicode.Is(known, r)
}

// isChinese reports whether a character is a word of its own.
func isChinese(r rune) bool {
	return r >= 0x3400 && r <= 0x4dbf || r >= 0x4e00 && r <= 0x9fff ||
		r >= 0xf900 && r <= 0xfaff || r >= 0x20000 && r <= 0x2a6df ||
		r >= 0x2a700 && r <= 0x2b81f || r >= 0x2b920 && r <= 0x2ceaf ||
		r >= 0x2f800 && r <= 0x2fa1f
}

// normalise appends a word without accents and in lower case.
func (w *WordPiece) normalise(to, word []byte) []byte {
	ascii := !slices.ContainsFunc(word, func(b byte) bool { return b >= utf8.RuneSelf })
	if w.strip && !ascii {
		word = norm.NFD.Bytes(word)
	}
	for len(word) > 0 {
		r, size := utf8.DecodeRune(word)
		word = word[size:]
		if w.strip && r >= 0x300 && is(r, unicode.Mn) {
			continue
		}
		if w.lower {
			r = unicode.ToLower(r)
		}
		to = utf8.AppendRune(to, r)
	}
	return to
}

// split appends the tokens of a word, whose punctuation marks are words of their own.
func (w *WordPiece) split(tokens []int, word []byte) []int {
	start := 0
	for at := 0; at < len(word); {
		r, size := utf8.DecodeRune(word[at:])
		if isPunctuation(r) {
			tokens = w.pieces(tokens, word[start:at])
			tokens = w.pieces(tokens, word[at:at+size])
			start = at + size
		}
		at += size
	}
	return w.pieces(tokens, word[start:])
}

func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf { // symbols too
		return r > ' ' && r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' && r < 0x7f
	}
	return is(r, unicode.P)
}

// pieces appends the tokens that a word is put together of: the longest that it begins with, then
// the longest that goes on. A word that is not is unknown as a whole.
func (w *WordPiece) pieces(tokens []int, word []byte) []int {
	switch {
	case len(word) == 0:
		return tokens
	case len(word) > w.wordRunes && utf8.RuneCount(word) > w.wordRunes:
		return append(tokens, w.unknown)
	}
	before := len(tokens)
	vocabulary := w.words
	for len(word) > 0 {
		end := min(len(word), w.longest)
		id, ok := vocabulary[string(word[:end])]
		for !ok && end > 1 {
			end--
			id, ok = vocabulary[string(word[:end])]
		}
		if !ok {
			return append(tokens[:before], w.unknown)
		}
		tokens = append(tokens, id)
		word, vocabulary = word[end:], w.parts
	}
	return tokens
}
