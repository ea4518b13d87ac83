// Package gptq makes up for the error of each quantised column of a matrix in the columns behind
// it, so that what counts, the error of the layer's output, is small (Frantar et al. 2022, GPTQ).
// It goes by the Cholesky factor of the inverse of the inputs' second moments.
package gptq
