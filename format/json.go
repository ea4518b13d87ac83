package format

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads the JSON of a header, byte by byte.
type scanner struct {
	r    *bufio.Reader
	pos  int64 // in the file, of the next byte
	text []byte
	out  layout
}

func (s *scanner) fail(format string, args ...any) error {
	return &CorruptError{Tensor: header, Offset: s.pos, Reason: fmt.Sprintf(format, args...)}
}

// byte returns the next byte.
func (s *scanner) byte() (byte, error) {
	c, err := s.r.ReadByte()
	if err == io.EOF {
		return 0, s.fail("ends in the middle")
	}
	if err != nil {
		return 0, err
	}
	s.pos++
	return c, nil
}

// token returns the first byte that is not white space.
func (s *scanner) token() (byte, error) {
	for {
		c, err := s.byte()
		if err != nil {
			return 0, err
		}
		switch c {
		case ' ', '\t', '\n', '\r':
			s.out.plain = false
		default:
			return c, nil
		}
	}
}

func (s *scanner) expect(want byte, where string) error {
	c, err := s.token()
	if err == nil && c != want {
		s.pos--
		err = s.fail("found %q, expected %q %s", c, want, where)
	}
	return err
}

// rest reads what is left of a word whose first byte is read already.
func (s *scanner) rest(word string) error {
	for i := 1; i < len(word); i++ {
		c, err := s.byte()
		if err != nil {
			return err
		}
		if c != word[i] {
			s.pos--
			return s.fail("found %q in the middle of %s", c, word)
		}
	}
	return nil
}

// list calls item for each item of a list that opens with an already read bracket, up to its end.
func (s *scanner) list(end byte, item func(first byte) error) error {
	c, err := s.token()
	if err != nil || c == end {
		return err
	}
	for {
		if err := item(c); err != nil {
			return err
		}
		switch c, err = s.token(); {
		case err != nil || c == end:
			return err
		case c != ',':
			s.pos--
			return s.fail("found %q, expected ',' or %q", c, end)
		}
		if c, err = s.token(); err != nil {
			return err
		}
	}
}

// object calls value with each key of an object whose brace is read already.
func (s *scanner) object(value func(key string) error) error {
	return s.list('}', func(first byte) error {
		key, err := s.string(first)
		if err != nil {
			return err
		}
		if err := s.expect(':', "after a key"); err != nil {
			return err
		}
		return value(key)
	})
}

// numbers reads a list of at most limit whole numbers. It is never nil.
func (s *scanner) numbers(first byte, limit int) ([]int, error) {
	list := make([]int, 0, 2)
	if first != '[' {
		s.pos--
		return nil, s.fail("found %q, expected a list of numbers", first)
	}
	err := s.list(']', func(first byte) error {
		if len(list) == limit {
			return s.fail("more than %d numbers in a list", limit)
		}
		n, err := s.number(first)
		list = append(list, n)
		return err
	})
	return list, err
}

func (s *scanner) number(first byte) (int, error) {
	start := s.pos - 1
	if first == '-' {
		s.pos--
		return 0, s.fail("negative number")
	}
	if first < '0' || first > '9' {
		s.pos--
		return 0, s.fail("found %q, expected a number", first)
	}
	n := int(first - '0')
	for {
		c, err := s.byte()
		if err != nil {
			return 0, err
		}
		switch digit := int(c - '0'); {
		case c >= '0' && c <= '9':
			if first == '0' {
				return 0, s.fail("number with a leading zero")
			}
			if n > (math.MaxInt-digit)/10 {
				s.pos = start
				return 0, s.fail("number beyond %d, the largest that a %d-bit program holds",
					math.MaxInt, strconv.IntSize)
			}
			n = 10*n + digit
		case c == '.' || c == 'e' || c == 'E':
			return 0, s.fail("found %q in a number, expected whole numbers", c)
		default:
			s.pos--
			return n, s.r.UnreadByte()
		}
	}
}

// string reads a string whose opening quote is first.
func (s *scanner) string(first byte) (string, error) {
	if first != '"' {
		s.pos--
		return "", s.fail("found %q, expected a string", first)
	}
	start := s.pos
	s.text = s.text[:0]
	for {
		chunk, err := s.chunk()
		if err != nil {
			return "", err
		}
		s.text = append(s.text, chunk...)
		c, err := s.byte()
		if err != nil {
			return "", err
		}
		switch {
		case c == '"':
			if !utf8.Valid(s.text) {
				s.pos = start
				return "", s.fail("string that is not UTF-8")
			}
			return string(s.text), nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return "", err
			}
		case c < ' ':
			s.pos--
			return "", s.fail("control character %#02x in a string", c)
		default:
			s.text = append(s.text, c)
		}
	}
}

// chunk consumes the buffered bytes of a string up to one that means something.
func (s *scanner) chunk() ([]byte, error) {
	buffered, err := s.r.Peek(s.r.Buffered())
	if err != nil {
		return nil, err
	}
	n := bytes.IndexFunc(buffered, func(r rune) bool { return r == '"' || r == '\\' || r < ' ' })
	if n < 0 {
		n = len(buffered)
	}
	chunk := buffered[:n]
	s.pos += int64(n)
	_, err = s.r.Discard(n) // leaves the bytes of chunk alone until the next read
	return chunk, err
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n',
	'r': '\r', 't': '\t'}

// escape reads the rest of an escape sequence.
func (s *scanner) escape() error {
	c, err := s.byte()
	if err != nil {
		return err
	}
	if plain, ok := escapes[c]; ok {
		s.text = append(s.text, plain)
		return nil
	}
	if c != 'u' {
		s.pos--
		return s.fail("unknown escape \\%c", c)
	}
	r, err := s.hex4()
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(r) {
		for _, want := range []byte(`\u`) {
			if c, err := s.byte(); err != nil || c != want {
				return s.fail("half of a surrogate pair")
			}
		}
		low, err := s.hex4()
		if err != nil {
			return err
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return s.fail("half of a surrogate pair")
		}
	}
	s.text = utf8.AppendRune(s.text, r)
	return nil
}

func (s *scanner) hex4() (rune, error) {
	var digits [4]byte
	for i := range digits {
		c, err := s.byte()
		if err != nil {
			return 0, err
		}
		if c >= 'A' && c <= 'F' {
			s.out.plain = false
		}
		digits[i] = c
	}
	n, err := strconv.ParseUint(string(digits[:]), 16, 16)
	if err != nil {
		return 0, s.fail("escape \\u%q", digits[:])
	}
	return rune(n), nil
}
