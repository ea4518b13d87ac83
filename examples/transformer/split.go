package transformer

import (
	"errors"
	"fmt"
	"math"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/rangetable"
)

// splitter returns the length of the first piece of a text that is not empty.
type splitter func(text string) int

// splitterFile is a pre_tokenizer of a tokenizer.json.
type splitterFile struct {
	Type       string
	Parts      []splitterFile `json:"pretokenizers"`
	Prefix     bool           `json:"add_prefix_space"`
	UseRegex   *bool          `json:"use_regex"`
	Individual bool           `json:"individual_digits"`
	Pattern    struct{ Regex string }
	Behavior   string
	Invert     bool
}

// The regular expressions that tokenizers split texts by. Package regexp has no look-ahead,
// \s+(?!\S): white space but for the last character of it where more text follows.
const (
	gpt2       = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	llamaWords = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|`
	llamaRest  = `| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// That of GPT-2, and those like that of Llama 3.
var patterns = map[string]splitter{
	gpt2:                                  splitGPT2,
	llamaWords + `\p{N}{1,3}` + llamaRest: splitLlama(3),
	llamaWords + `\p{N}` + llamaRest:      splitLlama(1),
	llamaWords + `\p{N}+` + llamaRest:     splitLlama(math.MaxInt),
}

// splitters returns what a pre_tokenizer does, one after the other.
func (f *splitterFile) splitters() ([]splitter, error) {
	if f == nil {
		return nil, errors.New("no pre_tokenizer, expected ByteLevel")
	}
	splitters, bytes, err := f.collect(nil)
	if err == nil && !bytes {
		err = errors.New("the pre_tokenizer has no ByteLevel")
	}
	return splitters, err
}

// collect appends splitters, and reports whether the last step goes from characters to bytes.
func (f *splitterFile) collect(all []splitter) (_ []splitter, bytes bool, err error) {
	switch f.Type {
	case "Sequence":
		for i := range f.Parts {
			if bytes {
				return nil, false, errors.New("the pre_tokenizer goes on behind ByteLevel")
			}
			if all, bytes, err = f.Parts[i].collect(all); err != nil {
				return nil, false, err
			}
		}
		return all, bytes, nil
	case "ByteLevel":
		if f.Prefix {
			return nil, false, errors.New("add_prefix_space is not supported")
		}
		if f.UseRegex == nil || *f.UseRegex {
			all = append(all, splitGPT2)
		}
		return all, true, nil
	case "Digits":
		if f.Individual {
			return append(all, splitDigit), false, nil
		}
		return append(all, splitDigits), false, nil
	case "Split":
		s := patterns[f.Pattern.Regex]
		if s == nil || f.Behavior != "Isolated" || f.Invert {
			return nil, false, fmt.Errorf("pre_tokenizer Split, %s, by %q is not supported, only by "+
				"the patterns of GPT-2 and Llama 3 and their like", f.Behavior, f.Pattern.Regex)
		}
		return append(all, s), false, nil
	}
	return nil, false, fmt.Errorf("pre_tokenizer %q is not supported, only ByteLevel, Digits, Split "+
		"and Sequence", f.Type)
}

// What characters are, the reference implementation knows from Unicode 16.0, and for Digits from
// 17.0. Go's tables may be older or newer: up to 15.0 they count, and these for later characters.
var (
	assigned     = rangetable.Assigned("15.0.0")
	laterLetters = &unicode.RangeTable{
		R16: []unicode.Range16{
			{0x1c89, 0x1c8a, 1}, {0xa7cb, 0xa7cd, 1}, {0xa7da, 0xa7dc, 1},
		},
		R32: []unicode.Range32{
			{0x105c0, 0x105f3, 1}, {0x10d4a, 0x10d65, 1}, {0x10d6f, 0x10d85, 1},
			{0x10ec2, 0x10ec4, 1}, {0x11380, 0x11389, 1}, {0x1138b, 0x1138b, 1},
			{0x1138e, 0x1138e, 1}, {0x11390, 0x113b5, 1}, {0x113b7, 0x113b7, 1},
			{0x113d1, 0x113d1, 1}, {0x113d3, 0x113d3, 1}, {0x11bc0, 0x11be0, 1},
			{0x13460, 0x143fa, 1}, {0x16100, 0x1611d, 1}, {0x16d40, 0x16d6c, 1},
			{0x18cff, 0x18cff, 1}, {0x1e5d0, 0x1e5ed, 1}, {0x1e5f0, 0x1e5f0, 1},
			{0x2ebf0, 0x2ee5d, 1},
		},
	}
	laterNumbers = &unicode.RangeTable{
		R32: []unicode.Range32{
			{0x10d40, 0x10d49, 1}, {0x116d0, 0x116e3, 1}, {0x11bf0, 0x11bf9, 1},
			{0x16130, 0x16139, 1}, {0x16d70, 0x16d79, 1}, {0x1ccf0, 0x1ccf9, 1},
			{0x1e5f1, 0x1e5fa, 1},
		},
	}
	laterDigits = &unicode.RangeTable{
		R32: []unicode.Range32{
			{0x11de0, 0x11de9, 1}, {0x16ff4, 0x16ff6, 1},
		},
	}
)

func isLetter(r rune) bool {
	return unicode.IsLetter(r) && isOld(r) || r > firstLater && unicode.Is(laterLetters, r)
}

func isNumber(r rune) bool {
	return unicode.IsNumber(r) && isOld(r) || r > firstLater && unicode.Is(laterNumbers, r)
}

// firstLater is the least character that is in the tables of later ones.
const firstLater = 0x1c80

func isOld(r rune) bool { return r < firstLater || unicode.Is(assigned, r) }

func isDigit(r rune) bool { return isNumber(r) || r > firstLater && unicode.Is(laterDigits, r) }
func isSpace(r rune) bool { return unicode.IsSpace(r) }
func isOther(r rune) bool { return !isLetter(r) && !isNumber(r) && !isSpace(r) }
func isBreak(r rune) bool { return r == '\r' || r == '\n' }

// while returns the length of the characters that a text begins with and that are of a kind.
func while(text string, kind func(r rune) bool) int {
	for i, r := range text {
		if !kind(r) {
			return i
		}
	}
	return len(text)
}

// splitDigit makes each number's digit a piece.
func splitDigit(text string) int {
	if r, size := utf8.DecodeRuneInString(text); isDigit(r) {
		return size
	}
	return while(text, func(r rune) bool { return !isDigit(r) })
}

// splitDigits makes each number a piece.
func splitDigits(text string) int {
	first, _ := utf8.DecodeRuneInString(text)
	number := isDigit(first)
	return while(text, func(r rune) bool { return isDigit(r) == number })
}

// splitGPT2 finds what the first of the patterns above matches: contractions, then words, numbers
// and other characters, each perhaps with a space in front, then white space.
func splitGPT2(text string) int {
	if n := contraction(text, false); n > 0 {
		return n
	}
	space := 0
	if text[0] == ' ' {
		space = 1
	}
	for _, kind := range [...]func(r rune) bool{isLetter, isNumber, isOther} {
		if n := while(text[space:], kind); n > 0 {
			return space + n
		}
	}
	return whiteSpace(text)
}

// whiteSpace is all of it, but for the last character where text follows.
func whiteSpace(text string) int {
	n := while(text, isSpace)
	if n == len(text) {
		return n
	}
	_, last := utf8.DecodeLastRuneInString(text[:n])
	if n > last {
		return n - last
	}
	return n
}

// contraction returns the length of 's, 't, 're, 've, 'm, 'll or 'd, 0 where a text begins with
// none of them.
func contraction(text string, anyCase bool) int {
	if text[0] != '\'' {
		return 0
	}
	for _, c := range [...]string{"s", "t", "re", "ve", "m", "ll", "d"} {
		if n := foldedPrefix(text[1:], c, anyCase); n > 0 {
			return 1 + n
		}
	}
	return 0
}

// foldedPrefix returns the length of what a text begins with that is a word, 0 if it is not, in
// any case if so said.
func foldedPrefix(text, word string, anyCase bool) int {
	at := 0
	for _, w := range word {
		r, size := utf8.DecodeRuneInString(text[at:])
		if r != w && !(anyCase && (unicode.ToLower(r) == w || w == 's' && r == 'ſ')) {
			return 0
		}
		at += size
	}
	return at
}

// splitLlama finds what Llama 3's pattern matches, with numbers of at most so many digits.
func splitLlama(digits int) splitter {
	return func(text string) int {
		if n := contraction(text, true); n > 0 {
			return n
		}
		first, size := utf8.DecodeRuneInString(text)
		lead := 0 // one character that is none of these may begin a word
		if !isBreak(first) && !isLetter(first) && !isNumber(first) {
			lead = size
		}
		if n := while(text[lead:], isLetter); n > 0 {
			return lead + n
		}
		if isNumber(first) {
			n := 0
			return while(text, func(r rune) bool { n++; return n <= digits && isNumber(r) })
		}
		space := 0
		if text[0] == ' ' {
			space = 1
		}
		if n := while(text[space:], isOther); n > 0 {
			n += space
			return n + while(text[n:], isBreak)
		}
		// White space with line breaks ends behind the last of them.
		end := 0
		for i, r := range text[:while(text, isSpace)] {
			if isBreak(r) {
				end = i + 1
			}
		}
		if end > 0 {
			return end
		}
		return whiteSpace(text)
	}
}
