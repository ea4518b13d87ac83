package entropy

// MaxClassCode is the largest class code of a row or column.
const MaxClassCode = 31

// Classes sorts the elements of a matrix by how widely their levels are spread. The class of an
// element is half the sum of the codes of its row and its column, rounded down. A code is a
// logarithm in steps of an eighth of an octave, so that a class is a quarter of an octave wide.
type Classes struct {
	Rows, Cols []byte // codes, 0..MaxClassCode
	Low, Count int    // classes Low to Low+Count-1 are in use; others count as the nearest of these
}

// ClassTable is the class of each sum of a row's and a column's code.
type ClassTable [2*MaxClassCode + 1]byte

// Table returns the class of each sum, less Low.
func (c *Classes) Table() (t ClassTable) {
	for sum := range t {
		t[sum] = byte(min(max(sum/2-c.Low, 0), c.Count-1))
	}
	return t
}

// Held returns the number of elements in each class, from Low on.
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
