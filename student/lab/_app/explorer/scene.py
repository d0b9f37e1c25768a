"""What an explorer shares between its models, from a run's settings and data."""

from student.lab._app.config import RunConfig
from student.lab._app.explorer.page import Scene
from student.lab._app.session import Material


def scene_of(cfg: RunConfig, material: Material) -> Scene:
    """The scene of a run on images."""
    assert material.dataset.image_shape is not None
    return Scene(
        test=material.test,
        labels=material.dataset.test_labels.tolist(),
        classes=material.dataset.class_names,
        shape=material.dataset.image_shape,
        logits=cfg.likelihood == "bernoulli",
        binary=cfg.binarise != "none",
    )
