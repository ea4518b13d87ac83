package entropy

// MaxClassCode is the largest code of a row or column.
const MaxClassCode = 31

// Classes says how widely the levels of each element of a matrix are spread: its class follows from
// a code of its row and one of its column, in eighths of an octave; a class is a quarter of an
// octave.
type Classes struct {
	Rows, Cols []byte // codes, 0..MaxClassCode
	Low, Count int    // classes below Low count as Low, those from Low+Count on as the last
}

// ClassTable is the class of each sum of a row's and a column's code.
type ClassTable [2*MaxClassCode + 1]byte

// Table returns the class of each sum.
func (c *Classes) Table() (t ClassTable) {
	for sum := range t {
		t[sum] = byte(min(max(sum/2-c.Low, 0), c.Count-1))
	}
	return t
}

// Held returns the number of elements in each class.
func (c *Classes) Held() []int {
	var rows, cols [MaxClassCode + 1]int
	for _, code := range c.Rows {
		rows[code]++
	}
	for _, code := range c.Cols {
		cols[code]++
	}
	held := make([]int, c.Count)
	table := c.Table()
	for i, n := range rows {
		for j, m := range cols {
			held[table[i+j]] += n * m
		}
	}
	return held
}
