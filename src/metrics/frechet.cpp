#include "metrics/frechet.h"

#include <Eigen/Eigenvalues>
#include <Eigen/SVD>
#include <cmath>
#include <stdexcept>

namespace bitemark {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

MatrixXd centred(const MatrixXd& x) { return x.rowwise() - x.colwise().mean(); }

MatrixXd covariance(const MatrixXd& x_centred) {
  return x_centred.transpose() * x_centred / static_cast<double>(x_centred.rows() - 1);
}

VectorXd clipped_roots(const VectorXd& eigenvalues) { return eigenvalues.cwiseMax(0.0).cwiseSqrt(); }

double kernel(const Eigen::Ref<const Eigen::RowVectorXd>& a, const Eigen::Ref<const Eigen::RowVectorXd>& b) {
  const double inner = a.dot(b) / static_cast<double>(a.size()) + 1;
  return inner * inner;
}

void check_shapes(const MatrixXd& x, const MatrixXd& y) {
  if (x.cols() != y.cols() || x.cols() < 1 || x.rows() < 2 || y.rows() < 2)
    throw std::invalid_argument("two sets of at least two features of one size are needed");
}

}  // namespace

double trace_of_root_symmetric(const MatrixXd& x_centred, const MatrixXd& y_centred) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> of_x(covariance(x_centred));
  const MatrixXd root =
      of_x.eigenvectors() * clipped_roots(of_x.eigenvalues()).asDiagonal() * of_x.eigenvectors().transpose();
  const Eigen::SelfAdjointEigenSolver<MatrixXd> product(root * covariance(y_centred) * root, Eigen::EigenvaluesOnly);
  return clipped_roots(product.eigenvalues()).sum();
}

double trace_of_root_gram(const MatrixXd& x_centred, const MatrixXd& y_centred) {
  const Eigen::BDCSVD<MatrixXd> svd(x_centred * y_centred.transpose());
  const auto n = static_cast<double>(x_centred.rows() - 1);
  const auto m = static_cast<double>(y_centred.rows() - 1);
  return svd.singularValues().sum() / std::sqrt(n * m);
}

double frechet_distance(const MatrixXd& x, const MatrixXd& y) {
  check_shapes(x, y);
  const MatrixXd xc = centred(x);
  const MatrixXd yc = centred(y);
  const bool few = std::min(x.rows(), y.rows()) < x.cols();
  const double root = few ? trace_of_root_gram(xc, yc) : trace_of_root_symmetric(xc, yc);
  const double traces =
      xc.squaredNorm() / static_cast<double>(x.rows() - 1) + yc.squaredNorm() / static_cast<double>(y.rows() - 1);
  return (x.colwise().mean() - y.colwise().mean()).squaredNorm() + traces - 2 * root;
}

double unbiased_mmd2(const MatrixXd& x, const MatrixXd& y) {
  check_shapes(x, y);
  const auto off_diagonal = [](const MatrixXd& a) {
    double sum = 0;
    for (Eigen::Index i = 0; i < a.rows(); ++i)
      for (Eigen::Index j = 0; j < a.rows(); ++j)
        if (i != j) sum += kernel(a.row(i), a.row(j));
    return sum / static_cast<double>(a.rows() * (a.rows() - 1));
  };
  double across = 0;
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    for (Eigen::Index j = 0; j < y.rows(); ++j) across += kernel(x.row(i), y.row(j));
  return off_diagonal(x) + off_diagonal(y) - 2 * across / static_cast<double>(x.rows() * y.rows());
}

}  // namespace bitemark
