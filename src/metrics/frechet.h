// Distances between two sets of feature vectors: the Frechet distance behind FVD (Unterthiner et al., arXiv 1812.01717)
// and the unbiased maximum mean discrepancy (Gretton et al., JMLR 13, 2012, eq. 3).
#pragma once

#include <Eigen/Core>

namespace bitemark {

/// ||mu_x - mu_y||^2 + Tr(Sx + Sy - 2 (Sx Sy)^(1/2)) of the rows of x [n, d] and y [m, d], n, m >= 2. Covariances
/// with 1 / (n - 1). Exact: the symmetric form Tr (Sx^(1/2) Sy Sx^(1/2))^(1/2) by eigenvalues, or, with fewer rows
/// than dimensions, the Gram form || Xc Yc^T ||_* / sqrt((n-1)(m-1)), which is the same number. Throws
/// std::invalid_argument for other shapes.
double frechet_distance(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y);

/// The two forms, each alone: for tests and for the curious.
double trace_of_root_symmetric(const Eigen::MatrixXd& x_centred, const Eigen::MatrixXd& y_centred);
double trace_of_root_gram(const Eigen::MatrixXd& x_centred, const Eigen::MatrixXd& y_centred);

/// Unbiased MMD^2 (a U-statistic: may be negative) with k(a, b) = (a.b / d + 1)^2.
double unbiased_mmd2(const Eigen::MatrixXd& x, const Eigen::MatrixXd& y);

}  // namespace bitemark
