// A sum over products of elements as products of matrices: two operands at a
// time, from left to right.

#include <algorithm>
#include <functional>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "config/status_macros.h"
#include "daemon/pack/operators/einsum.h"
#include "daemon/pack/spell/speller.h"

namespace layerd {
namespace {

using Labels = std::vector<int>;

// A value, and what its dimensions are called.
struct Term {
  int value;
  Labels labels;
  bool is_known;
};

bool Has(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

Labels Joined(std::initializer_list<const Labels*> lists) {
  Labels all;
  for (const Labels* list : lists) {
    all.insert(all.end(), list->begin(), list->end());
  }
  return all;
}

// Those of `labels` for which `is_wanted`, in their order.
template <typename F>
Labels Where(const Labels& labels, F is_wanted) {
  Labels wanted;
  std::copy_if(labels.begin(), labels.end(), std::back_inserter(wanted),
               is_wanted);
  return wanted;
}

class Contraction {
 public:
  Contraction(Speller* speller, Einsum einsum)
      : speller_(speller), einsum_(std::move(einsum)) {}

  absl::Status Run() {
    ASSIGN_OR_RETURN(Term term, Operand(0));
    for (size_t i = 1; i < einsum_.operands.size(); ++i) {
      ASSIGN_OR_RETURN(Term next, Operand(i));
      ASSIGN_OR_RETURN(term, Product(std::move(term), std::move(next), i));
    }
    ASSIGN_OR_RETURN(term, Summed(std::move(term), [this](int label) {
                       return Has(einsum_.output, label);
                     }));
    speller_->Finish(Ordered(std::move(term), einsum_.output).value);
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<Term> Operand(size_t i) {
    const Labels& labels = einsum_.operands[i];
    int value = speller_->input(i);
    const bool is_known = speller_->is_known(value);
    const std::vector<int64_t> shape = einsum_.ShapeOf(labels);
    if (speller_->shape(value) != shape) {
      ASSIGN_OR_RETURN(value, speller_->Reshaped(value, shape));
    }
    return Diagonal(Term{value, labels, is_known});
  }

  // Each label once: of those that stand there twice the elements that are as
  // far along both.
  absl::StatusOr<Term> Diagonal(Term term) {
    Labels once;
    for (const int label : term.labels) {
      if (!Has(once, label)) once.push_back(label);
    }
    if (once == term.labels) return term;
    const std::vector<int64_t> shape = einsum_.ShapeOf(once);
    RETURN_IF_ERROR(speller_->CheckSize(Size(once)));
    std::vector<int64_t> places(static_cast<size_t>(Size(once)));
    for (size_t i = 0; i < places.size(); ++i) {
      places[i] = PlaceOf(term.labels, once, static_cast<int64_t>(i));
    }
    ASSIGN_OR_RETURN(const int known, speller_->Known(places, shape));
    ASSIGN_OR_RETURN(const int row,
                     speller_->Reshaped(term.value, {Size(term.labels)}));
    term.value = speller_->Add("Gather", {row, known}, {{"axis", int64_t{0}}});
    term.labels = std::move(once);
    return term;
  }

  // Where among dimensions `all` element `at` of dimensions `once` is.
  int64_t PlaceOf(const Labels& all, const Labels& once, int64_t at) const {
    int64_t place = 0;
    for (size_t d = once.size(); d-- > 0;) {
      const int64_t length = einsum_.lengths.at(once[d]);
      int64_t step = 1;
      for (size_t e = all.size(); e-- > 0;) {
        if (all[e] == once[d]) place += at % length * step;
        step *= einsum_.lengths.at(all[e]);
      }
      at /= length;
    }
    return place;
  }

  // Whether a label is needed when operands up to `i` are multiplied.
  bool IsKept(int label, size_t i) const {
    return Has(einsum_.output, label) ||
           std::any_of(einsum_.operands.begin() + static_cast<int64_t>(i) + 1,
                       einsum_.operands.end(), [&](const Labels& operand) {
                         return Has(operand, label);
                       });
  }

  template <typename F>
  absl::StatusOr<Term> Summed(Term term, F is_kept) {
    std::vector<int64_t> axes;
    for (size_t d = 0; d < term.labels.size(); ++d) {
      if (!is_kept(term.labels[d])) axes.push_back(static_cast<int64_t>(d));
    }
    if (axes.empty()) return term;
    ASSIGN_OR_RETURN(const int known, speller_->KnownList(axes));
    term.value = speller_->Add("ReduceSum", {term.value, known},
                               {{"keepdims", int64_t{0}}});
    term.labels = Where(term.labels, is_kept);
    return term;
  }

  // REQUIRES: `labels` are the term's, in another order.
  Term Ordered(Term term, const Labels& labels) {
    if (term.labels == labels) return term;
    std::vector<int64_t> perm;
    for (const int label : labels) {
      perm.push_back(std::find(term.labels.begin(), term.labels.end(), label) -
                     term.labels.begin());
    }
    term.value = speller_->Add("Transpose", {term.value}, {{"perm", perm}});
    term.labels = labels;
    return term;
  }

  // The term with dimensions in this order and this shape.
  absl::StatusOr<int> Shaped(Term term, const Labels& labels,
                             std::vector<int64_t> shape) {
    const bool fits = einsum_.ShapeOf(labels) == shape;
    const int ordered = Ordered(std::move(term), labels).value;
    if (fits) return ordered;
    return speller_->Reshaped(ordered, shape);
  }

  int64_t Size(const Labels& labels) const {
    const std::vector<int64_t> shape = einsum_.ShapeOf(labels);
    return std::accumulate(shape.begin(), shape.end(), int64_t{1},
                           std::multiplies<>());
  }

  absl::StatusOr<Term> Product(Term a, Term b, size_t i) {
    const Labels of_a = a.labels, of_b = b.labels;
    ASSIGN_OR_RETURN(a, Summed(std::move(a), [&](int label) {
                       return IsKept(label, i) || Has(of_b, label);
                     }));
    ASSIGN_OR_RETURN(b, Summed(std::move(b), [&](int label) {
                       return IsKept(label, i) || Has(of_a, label);
                     }));
    if (a.is_known && !b.is_known)
      std::swap(a, b);  // Weights are on the right.
    const bool is_known = a.is_known && b.is_known;
    const auto is_shared = [&](int label) { return Has(b.labels, label); };
    const Labels batch = Where(a.labels, [&](int label) {
      return is_shared(label) && IsKept(label, i);
    });
    const Labels inner = Where(a.labels, [&](int label) {
      return is_shared(label) && !IsKept(label, i);
    });
    const Labels rows =
        Where(a.labels, [&](int label) { return !is_shared(label); });
    const Labels columns =
        Where(b.labels, [&](int label) { return !Has(a.labels, label); });
    const Labels all = Joined({&batch, &rows, &columns});
    std::vector<int64_t> left = einsum_.ShapeOf(batch), right = left;
    int value = 0;
    if (inner.empty()) {
      ASSIGN_OR_RETURN(value,
                       Outer(std::move(a), std::move(b), batch, rows, columns));
      return Term{value, all, is_known};
    }
    left.insert(left.end(), {Size(rows), Size(inner)});
    right.insert(right.end(), {Size(inner), Size(columns)});
    ASSIGN_OR_RETURN(
        const int x,
        Shaped(std::move(a), Joined({&batch, &rows, &inner}), std::move(left)));
    ASSIGN_OR_RETURN(const int y,
                     Shaped(std::move(b), Joined({&batch, &inner, &columns}),
                            std::move(right)));
    value = speller_->Add("MatMul", {x, y});
    if (rows.size() != 1 || columns.size() != 1) {
      ASSIGN_OR_RETURN(value, speller_->Reshaped(value, einsum_.ShapeOf(all)));
    }
    return Term{value, all, is_known};
  }

  // Every element of one with every element of the other.
  absl::StatusOr<int> Outer(Term a, Term b, const Labels& batch,
                            const Labels& rows, const Labels& columns) {
    std::vector<int64_t> left = einsum_.ShapeOf(Joined({&batch, &rows}));
    left.insert(left.end(), columns.size(), 1);
    std::vector<int64_t> right = einsum_.ShapeOf(batch);
    right.insert(right.end(), rows.size(), 1);
    const std::vector<int64_t> last = einsum_.ShapeOf(columns);
    right.insert(right.end(), last.begin(), last.end());
    ASSIGN_OR_RETURN(const int x, Shaped(std::move(a), Joined({&batch, &rows}),
                                         std::move(left)));
    ASSIGN_OR_RETURN(
        const int y,
        Shaped(std::move(b), Joined({&batch, &columns}), std::move(right)));
    return speller_->Add("Mul", {x, y});
  }

  Speller* speller_;
  Einsum einsum_;
};

}  // namespace

absl::Status SpellEinsum(Speller& speller) {
  std::vector<std::vector<int64_t>> shapes;
  for (size_t i = 0; i < speller.node().inputs.size(); ++i) {
    shapes.push_back(speller.shape(speller.input(i)));
  }
  ASSIGN_OR_RETURN(
      Einsum einsum,
      ParseEinsum(speller.attribute<std::string>("equation"), shapes));
  return Contraction(&speller, std::move(einsum)).Run();
}

}  // namespace layerd
