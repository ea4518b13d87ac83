// Package version has palettize's version, in one place.
package version

// Number is the version of this source: that of the release made from it or to be made next. A
// release is tagged v + Number.
const Number = "0.1.0"

// Producer names this program as the maker of a file.
const Producer = "palettize " + Number
