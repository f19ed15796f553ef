"""Built-in metrics, one per file."""

from ...core.contracts.records import Component

COMPONENTS: tuple[Component, ...] = (
    Component("metric", "accuracy", "Share of right answers", "mtl.plugins.metrics.accuracy:Accuracy"),
    Component(
        "metric",
        "balanced-accuracy",
        "Share of right answers, evenly over the classes",
        "mtl.plugins.metrics.balanced_accuracy:BalancedAccuracy",
    ),
    Component("metric", "f1", "Harmonic mean of precision and recall", "mtl.plugins.metrics.f1:F1"),
    Component(
        "metric",
        "precision",
        "Share of a class's predictions that are right",
        "mtl.plugins.metrics.precision:Precision",
    ),
    Component("metric", "recall", "Share of a class that was found", "mtl.plugins.metrics.recall:Recall"),
    Component(
        "metric",
        "confusion-matrix",
        "Predictions of each class, counted",
        "mtl.plugins.metrics.confusion_matrix:ConfusionMatrix",
    ),
    Component(
        "metric",
        "rmse",
        "Root of the mean squared error",
        "mtl.plugins.metrics.root_mean_squared_error:RootMeanSquaredError",
    ),
    Component(
        "metric",
        "mae",
        "Mean absolute error",
        "mtl.plugins.metrics.mean_absolute_error:MeanAbsoluteError",
    ),
    Component(
        "metric", "rank-error", "How many ranks answers are off", "mtl.plugins.metrics.rank_error:RankError"
    ),
    Component(
        "metric",
        "quadratic-kappa",
        "Agreement beyond chance, distances in ranks squared",
        "mtl.plugins.metrics.quadratic_kappa:QuadraticKappa",
    ),
    Component(
        "metric",
        "value-errors",
        "The errors of each value of several",
        "mtl.plugins.metrics.value_errors:ValueErrors",
    ),
    Component(
        "metric", "mse", "Mean squared error", "mtl.plugins.metrics.mean_squared_error:MeanSquaredError"
    ),
    Component(
        "metric",
        "bce",
        "Binary cross-entropy of probabilities or pixels",
        "mtl.plugins.metrics.binary_cross_entropy:BinaryCrossEntropy",
    ),
    Component("metric", "psnr", "Peak signal-to-noise ratio in dB", "mtl.plugins.metrics.psnr:Psnr"),
    Component(
        "metric",
        "mean-iou",
        "Mean intersection over union of the pixels' classes",
        "mtl.plugins.metrics.mean_iou:MeanIou",
    ),
    Component(
        "metric",
        "class-iou",
        "Intersection over union of each class of pixels",
        "mtl.plugins.metrics.class_iou:ClassIou",
    ),
    Component(
        "metric",
        "pixel-accuracy",
        "Share of pixels whose class is right",
        "mtl.plugins.metrics.pixel_accuracy:PixelAccuracy",
    ),
    Component(
        "metric",
        "relative-error",
        "Mean relative error of the pixels' values",
        "mtl.plugins.metrics.relative_error:RelativeError",
    ),
    Component(
        "metric",
        "delta-1",
        "Share of pixels within a factor of 1.25",
        "mtl.plugins.metrics.delta_1:Delta1",
    ),
    Component(
        "metric",
        "delta-2",
        "Share of pixels within a factor of 1.25 squared",
        "mtl.plugins.metrics.delta_2:Delta2",
    ),
    Component(
        "metric",
        "delta-3",
        "Share of pixels within a factor of 1.25 cubed",
        "mtl.plugins.metrics.delta_3:Delta3",
    ),
    Component("metric", "ssim", "Structural similarity", "mtl.plugins.metrics.ssim:Ssim"),
    Component(
        "metric",
        "mean-average-precision",
        "Mean of the attributes' average precisions",
        "mtl.plugins.metrics.mean_average_precision:MeanAveragePrecision",
    ),
    Component(
        "metric",
        "attribute-accuracy",
        "Share of right attributes",
        "mtl.plugins.metrics.attribute_accuracy:AttributeAccuracy",
    ),
    Component(
        "metric",
        "attribute-scores",
        "Each attribute's recall, precision and average precision",
        "mtl.plugins.metrics.attribute_scores:AttributeScores",
    ),
    Component("metric", "pck", "Share of visible points that are near", "mtl.plugins.metrics.pck:Pck"),
    Component(
        "metric",
        "mean-distance",
        "Mean distance of points, in sizes of the image",
        "mtl.plugins.metrics.mean_distance:MeanDistance",
    ),
    Component(
        "metric",
        "visibility",
        "Share of points of which it is told right whether they are visible",
        "mtl.plugins.metrics.visibility:Visibility",
    ),
    Component(
        "metric", "point-scores", "How each point does", "mtl.plugins.metrics.point_scores:PointScores"
    ),
)
