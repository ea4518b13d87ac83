package transformer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// BPE turns text into tokens and back as the tokenizer.json of a model with byte-level byte-pair
// encoding says (Sennrich et al., arXiv:1508.07909; Radford et al. 2019). Its methods may be called
// at the same time.
type BPE struct {
	compose   bool // characters and their accents to one (NFC), where there is such
	splitters []splitter
	whole     bool // a word that is a token is not put together of others

	ids    map[string]int // by their bytes
	texts  []string       // bytes of a token, "": there is none
	bytes  [256]int       // tokens of single bytes, or no token
	merges map[pair]merge

	added       []addedToken // that stand for themselves in a text
	addedStarts [256]bool    // their first bytes
	special     map[int]bool // of them, those that are no text
	first, last []int        // what a text's tokens are put between
}

// none stands for no token.
const none = -1

type pair struct{ left, right int }

// merge is what two neighbours become.
type merge struct{ rank, id int }

// bpeFile is what of a tokenizer.json counts here.
type bpeFile struct {
	Truncation  json.RawMessage
	AddedTokens []struct {
		addedToken
		Special bool
	} `json:"added_tokens"`
	Normalizer    *struct{ Type string }
	PreTokenizer  *splitterFile  `json:"pre_tokenizer"`
	PostProcessor *processorFile `json:"post_processor"`
	Decoder       struct{ Type string }
	Model         struct {
		Type         string
		Dropout      float64
		Unknown      *string `json:"unk_token"`
		Prefix       string  `json:"continuing_subword_prefix"`
		Suffix       string  `json:"end_of_word_suffix"`
		Fallback     bool    `json:"byte_fallback"`
		IgnoreMerges bool    `json:"ignore_merges"`
		Vocab        map[string]int
		Merges       []mergeFile
	}
}

// mergeFile is two tokens, as a list or with a space in between.
type mergeFile [2]string

// UnmarshalJSON implements json.Unmarshaler.
func (m *mergeFile) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '[' {
		return json.Unmarshal(text, (*[2]string)(m))
	}
	var both string
	if err := json.Unmarshal(text, &both); err != nil {
		return err
	}
	var ok bool
	if m[0], m[1], ok = strings.Cut(both, " "); !ok {
		return fmt.Errorf("merge %q is no pair of tokens", both)
	}
	return nil
}

// processorFile says what is put around a text.
type processorFile struct {
	Type       string
	Processors []processorFile
	Single     []struct {
		SpecialToken *struct{ ID string }
		Sequence     *struct{}
	}
	SpecialTokens map[string]struct{ IDs []int } `json:"special_tokens"`
}

// ReadBPE reads a tokenizer.json. What it asks for and BPE does not do is an error.
func ReadBPE(path string) (*BPE, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	b, err := newBPE(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

func newBPE(text []byte) (*BPE, error) {
	var f bpeFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	null := func(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }
	m := &f.Model
	switch {
	case m.Type != "BPE":
		return nil, fmt.Errorf("model %q is not supported, only BPE", m.Type)
	case f.Decoder.Type != "ByteLevel":
		return nil, fmt.Errorf("decoder %q is not supported, only ByteLevel", f.Decoder.Type)
	case f.Normalizer != nil && f.Normalizer.Type != "NFC":
		return nil, fmt.Errorf("normalizer %q is not supported, only NFC", f.Normalizer.Type)
	case !null(f.Truncation):
		return nil, errors.New("truncation is not supported")
	case m.Dropout != 0 || m.Prefix != "" || m.Suffix != "" || m.Fallback:
		return nil, errors.New("dropout, affixes and byte fallback are not supported")
	}
	b := &BPE{compose: f.Normalizer != nil, whole: m.IgnoreMerges, special: make(map[int]bool)}
	var err error
	if b.splitters, err = f.PreTokenizer.splitters(); err != nil {
		return nil, err
	}
	if err := b.learn(m.Vocab, m.Merges); err != nil {
		return nil, err
	}
	for _, t := range f.AddedTokens {
		if t.SingleWord || t.Lstrip || t.Rstrip || t.Content == "" {
			return nil, fmt.Errorf("added token %q: only such without flags are supported",
				t.Content)
		}
		if err := b.name(t.ID, t.Content); err != nil {
			return nil, err
		}
		b.added = append(b.added, t.addedToken)
		b.addedStarts[t.Content[0]] = true
		b.special[t.ID] = t.Special
	}
	return b, b.frame(f.PostProcessor)
}

// learn takes in the vocabulary and the merges, which have characters for bytes.
func (b *BPE) learn(vocabulary map[string]int, merges []mergeFile) error {
	b.ids = make(map[string]int, len(vocabulary))
	names := make(map[string]int, len(vocabulary)) // in the file's characters
	for name, id := range vocabulary {
		names[name] = id
		text, ok := fromCharacters(name)
		if !ok {
			text = name // a token that is added, too
		} else {
			b.ids[text] = id
		}
		if err := b.name(id, text); err != nil {
			return err
		}
	}
	for i := range b.bytes {
		b.bytes[i] = none
		if id, ok := b.ids[string([]byte{byte(i)})]; ok {
			b.bytes[i] = id
		}
	}
	b.merges = make(map[pair]merge, len(merges))
	for rank, m := range merges {
		left, ok1 := names[m[0]]
		right, ok2 := names[m[1]]
		id, ok3 := names[m[0]+m[1]]
		if !ok1 || !ok2 || !ok3 {
			return fmt.Errorf("merge of %q and %q: these, or both together, are no tokens", m[0], m[1])
		}
		if _, twice := b.merges[pair{left, right}]; !twice {
			b.merges[pair{left, right}] = merge{rank, id}
		}
	}
	return nil
}

// mostTokens bounds numbers of tokens, far beyond any vocabulary.
const mostTokens = 1 << 24

// name says what a token stands for.
func (b *BPE) name(id int, text string) error {
	if id < 0 || id >= mostTokens {
		return fmt.Errorf("token %q has the number %d", text, id)
	}
	for len(b.texts) <= id {
		b.texts = append(b.texts, "")
	}
	if old := b.texts[id]; old != "" && old != text {
		return fmt.Errorf("tokens %q and %q have the number %d", old, text, id)
	}
	b.texts[id] = text
	return nil
}

// frame finds the tokens at both ends of a text.
func (b *BPE) frame(p *processorFile) error {
	if p == nil {
		return nil
	}
	switch p.Type {
	case "ByteLevel": // is about places in the text
	case "Sequence":
		for i := range p.Processors {
			if err := b.frame(&p.Processors[i]); err != nil {
				return err
			}
		}
	case "TemplateProcessing":
		to := &b.first
		for _, piece := range p.Single {
			if piece.Sequence != nil {
				to = &b.last
			} else if piece.SpecialToken != nil {
				*to = append(*to, p.SpecialTokens[piece.SpecialToken.ID].IDs...)
			}
		}
	default:
		return fmt.Errorf("post_processor %q is not supported", p.Type)
	}
	return nil
}

// Bytes that are printed as themselves in a tokenizer.json. The others, in order, are printed as
// the characters from 256 on.
func isPrinted(b int) bool {
	return b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae && b <= 0xff
}

var printedBytes = func() map[rune]byte {
	m := make(map[rune]byte, 256)
	next := rune(256)
	for b := range 256 {
		if isPrinted(b) {
			m[rune(b)] = byte(b)
		} else {
			m[next] = byte(b)
			next++
		}
	}
	return m
}()

// fromCharacters returns the bytes that characters of a tokenizer.json stand for.
func fromCharacters(name string) (string, bool) {
	text := make([]byte, 0, len(name))
	for _, r := range name {
		b, ok := printedBytes[r]
		if !ok {
			return "", false
		}
		text = append(text, b)
	}
	return string(text), true
}

// Size is the number of tokens that there are: all numbers are below it.
func (b *BPE) Size() int { return len(b.texts) }

// Number returns the number of an added token.
func (b *BPE) Number(token string) (id int, ok bool) {
	for _, t := range b.added {
		if t.Content == token {
			return t.ID, true
		}
	}
	return 0, false
}

// Encode appends the tokens of a text, and those that begin and end every text. Bytes that are no
// UTF-8 are kept as they are, where the vocabulary has them.
func (b *BPE) Encode(tokens []int, text string) []int {
	tokens = append(tokens, b.first...)
	start := 0
	var w word
	for at := 0; at < len(text); {
		if !b.addedStarts[text[at]] {
			at++
			continue
		}
		t := longestAdded(b.added, text[at:])
		if t == nil {
			at++
			continue
		}
		tokens = b.plain(tokens, &w, text[start:at])
		tokens = append(tokens, t.ID)
		at += len(t.Content)
		start = at
	}
	tokens = b.plain(tokens, &w, text[start:])
	return append(tokens, b.last...)
}

// plain appends the tokens of a text without added ones.
func (b *BPE) plain(tokens []int, w *word, text string) []int {
	if b.compose {
		text = norm.NFC.String(text)
	}
	return b.split(tokens, w, text, b.splitters)
}

// longestAdded returns the longest added token that a text begins with, nil if there is none.
func longestAdded(added []addedToken, text string) *addedToken {
	var found *addedToken
	for i := range added {
		t := &added[i]
		longer := found == nil || len(t.Content) > len(found.Content)
		if longer && strings.HasPrefix(text, t.Content) {
			found = t
		}
	}
	return found
}

// split appends the tokens of a text that splitters divide, each what the one before has left.
func (b *BPE) split(tokens []int, w *word, text string, splitters []splitter) []int {
	if len(splitters) == 0 {
		return b.merge(tokens, w, text)
	}
	for len(text) > 0 {
		n := splitters[0](text)
		tokens = b.split(tokens, w, text[:n], splitters[1:])
		text = text[n:]
	}
	return tokens
}

// word is what becomes of the bytes of a word: a list of tokens, and the pairs of neighbours that
// can be merged.
type word struct {
	parts []part
	queue []candidate // a heap, the first merge first
}

type part struct{ id, previous, next int }

// candidate is a merge of the part at left and the one behind it, unless these are others by now.
type candidate struct {
	rank, left int
	pair       pair
}

func (c candidate) before(o candidate) bool {
	return c.rank < o.rank || c.rank == o.rank && c.left < o.left
}

// merge appends the tokens of a word: from its bytes on, the two neighbours that were merged first
// when the vocabulary was made become one, again and again.
func (b *BPE) merge(tokens []int, w *word, text string) []int {
	if len(text) == 0 {
		return tokens
	}
	if b.whole {
		if id, ok := b.ids[text]; ok {
			return append(tokens, id)
		}
	}
	w.parts, w.queue = w.parts[:0], w.queue[:0]
	for i := range len(text) {
		if id := b.bytes[text[i]]; id != none {
			n := len(w.parts)
			w.parts = append(w.parts, part{id, n - 1, n + 1})
		}
	}
	if len(w.parts) == 0 {
		return tokens
	}
	w.parts[len(w.parts)-1].next = none
	for i := range w.parts {
		b.offer(w, i)
	}
	for len(w.queue) > 0 {
		c := w.pop()
		left := &w.parts[c.left]
		if left.id != c.pair.left || left.next == none || w.parts[left.next].id != c.pair.right {
			continue
		}
		right := &w.parts[left.next]
		left.id, left.next, right.id = b.merges[c.pair].id, right.next, none
		if left.next != none {
			w.parts[left.next].previous = c.left
		}
		b.offer(w, c.left)
		if left.previous != none {
			b.offer(w, left.previous)
		}
	}
	for i := 0; i != none; i = w.parts[i].next {
		tokens = append(tokens, w.parts[i].id)
	}
	return tokens
}

// offer puts the merge of a part and the one behind it into the queue, if there is one.
func (b *BPE) offer(w *word, left int) {
	next := w.parts[left].next
	if next == none {
		return
	}
	p := pair{w.parts[left].id, w.parts[next].id}
	m, ok := b.merges[p]
	if !ok {
		return
	}
	w.queue = append(w.queue, candidate{m.rank, left, p})
	for i := len(w.queue) - 1; i > 0; {
		up := (i - 1) / 2
		if !w.queue[i].before(w.queue[up]) {
			break
		}
		w.queue[i], w.queue[up] = w.queue[up], w.queue[i]
		i = up
	}
}

func (w *word) pop() candidate {
	q := w.queue
	first, last := q[0], len(q)-1
	q[0] = q[last]
	q = q[:last]
	for i := 0; ; {
		least := i
		for down := 2*i + 1; down < min(2*i+3, len(q)); down++ {
			if q[down].before(q[least]) {
				least = down
			}
		}
		if least == i {
			break
		}
		q[i], q[least] = q[least], q[i]
		i = least
	}
	w.queue = q
	return first
}

// Bytes returns what a token stands for: bytes, which may be a part of a character. It is "" for
// special tokens, such as one that ends a text, and where there is no such token.
func (b *BPE) Bytes(token int) string {
	if token < 0 || token >= len(b.texts) || b.special[token] {
		return ""
	}
	return b.texts[token]
}

// Decode returns the text of tokens.
func (b *BPE) Decode(tokens []int) string {
	var text strings.Builder
	for _, t := range tokens {
		text.WriteString(b.Bytes(t))
	}
	return text.String()
}

// Runes puts bytes together that come in pieces.
type Runes struct{ held []byte }

// Add returns what there is of whole characters with these bytes. The beginning of one is held back
// until its rest comes. Bytes that can be no character's are as U+FFFD.
func (r *Runes) Add(text string) string {
	r.held = append(r.held, text...)
	end := len(r.held)
	for i := max(0, end-utf8.UTFMax+1); i < end; i++ {
		if utf8.RuneStart(r.held[i]) && !utf8.FullRune(r.held[i:]) {
			end = i
			break
		}
	}
	whole := valid(r.held[:end])
	r.held = append(r.held[:0], r.held[end:]...)
	return whole
}

// Rest returns what is held back still, as U+FFFD.
func (r *Runes) Rest() string {
	rest := valid(r.held)
	r.held = r.held[:0]
	return rest
}

// valid returns text with U+FFFD for each run of bytes that are no UTF-8.
func valid(text []byte) string { return strings.ToValidUTF8(string(text), string(utf8.RuneError)) }
