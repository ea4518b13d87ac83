package format

// Changed returns the name of the first tensor that was passed through and is not, bit for bit,
// what it is in the model f, which must have all of them. It returns "" where there is none.
func (c *Codebook) Changed(f *File) (string, error) {
	for _, t := range c.rest {
		e, err := f.entry(t.Name)
		if err != nil {
			return "", err
		}
		sum, err := f.checksum(e)
		if err != nil {
			return "", err
		}
		if sum != c.sums[t.Name] {
			return t.Name, nil
		}
	}
	return "", nil
}
