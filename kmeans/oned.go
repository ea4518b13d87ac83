package kmeans

import (
	"context"
	"slices"
)

func (in *input) runOne(ctx context.Context, k int) (*Result, error) {
	centroids, err := in.seed(ctx, k)
	if err != nil {
		return nil, err
	}
	return in.refineOne(ctx, centroids, in.iterations)
}
func (in *input) refineOne(ctx context.Context, centroids []float32, iterations int) (*Result, error) {
	slices.Sort(centroids)
	in.iterations = iterations
	return in.refine(ctx, centroids)
}
func (in *input) assignOne(ctx context.Context, assignments []byte, centroids []float32) (float64, error) {
	return in.assign(ctx, assignments, centroids)
}
