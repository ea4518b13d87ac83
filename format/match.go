package format

import "context"

// Changed returns the name of the first tensor that has no layer and is not what it is in the model
// f, which must have all of them: bit for bit or, where it is kept as F16, rounded to that. It
// returns "" where there is none.
func (c *Codebook) Changed(ctx context.Context, f *File) (string, error) {
	for _, t := range c.rest {
		own, err := c.file.entry(t.Name)
		if err != nil {
			return "", err
		}
		for _, kept := range own.together() {
			e, err := f.entry(kept.Name)
			if err != nil {
				return "", err
			}
			sum, err := f.checksum(ctx, e, kept.DType)
			if err != nil {
				return "", err
			}
			if sum != c.sums[kept.Name] {
				return kept.Name, nil
			}
		}
	}
	return "", nil
}
