package kmeans_test

import (
	"context"
	"fmt"
	"log"

	"github.com/palettize/palettize/kmeans"
)

// Points in a plane that are in two clusters. The last one weighs as much as three.
func ExampleRun() {
	points := []float32{
		0, 0,
		0, 2,
		9, 8,
		9, 12,
	}
	weights := []float32{1, 1, 1, 3}
	res, err := kmeans.Run(context.Background(), points, 2, weights, kmeans.Options{K: 2, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	for i, a := range res.Assignments {
		c := res.Centroids[2*a:][:2]
		fmt.Printf("point %v: centroid %v\n", points[2*i:][:2], c)
	}
	fmt.Println("weighted sum of squared distances:", res.SSE)
	// Output:
	// point [0 0]: centroid [0 1]
	// point [0 2]: centroid [0 1]
	// point [9 8]: centroid [9 11]
	// point [9 12]: centroid [9 11]
	// weighted sum of squared distances: 14
}

// For points of one coordinate the result is the best there is, however the values are spread: the
// levels of a quantiser.
func ExampleRun_oneCoordinate() {
	values := []float32{-1, -0.9, 0, 0.1, 0.2, 5}
	res, err := kmeans.Run(context.Background(), values, 1, nil, kmeans.Options{K: 3})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("centroids:", res.Centroids)
	fmt.Println("assignments:", res.Assignments)
	// Output:
	// centroids: [-0.95 0.1 5]
	// assignments: [0 0 1 1 1 2]
}
