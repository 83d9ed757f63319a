import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from metrics.moments import Moments, StreamingMoments, read_statistics, write_statistics


def some_features(count=3000, dim=7, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(count, dim)) @ rng.normal(size=(dim, dim))
    return mixed + offset


def gather(batches, dim):
    moments = StreamingMoments(dim)
    for batch in batches:
        moments.add(batch)
    return moments


def assert_moments_of(moments, features, rtol=1e-10):
    features = np.asarray(features, np.float64)
    covariance = np.cov(features, rowvar=False)
    scale = np.abs(covariance).max()
    np.testing.assert_allclose(moments.mean, features.mean(axis=0), rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(moments.covariance, covariance, rtol=rtol, atol=rtol * scale)
    assert moments.num_images == len(features)


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("count", [2, 3, 1023, 1024, 1025, 5000])
def test_moments_are_those_of_numpy(count):
    features = some_features(count)
    moments = gather([features], 7).result()
    assert_moments_of(moments, features)
    assert moments.mean.dtype == moments.covariance.dtype == np.float64
    np.testing.assert_array_equal(moments.covariance, moments.covariance.T)


@hypothesis.given(cuts=st.lists(st.integers(0, 3000), max_size=8).map(sorted))
@hypothesis.settings(max_examples=20)
def test_batches_do_not_change_a_single_digit(cuts):
    features = some_features()
    whole = gather([features], 7).result()
    parts = gather(np.split(features, cuts), 7).result()
    np.testing.assert_array_equal(parts.mean, whole.mean)
    np.testing.assert_array_equal(parts.covariance, whole.covariance)


def test_results_can_be_asked_for_in_between():
    features = some_features(2500)
    moments = gather([features[:700]], 7)
    assert_moments_of(moments.result(), features[:700])
    moments.add(features[700:])
    assert_moments_of(moments.result(), features)


def test_float32_features_are_summed_in_float64():
    # In float32, the mean of these would be wrong in the fourth digit.
    features = some_features(20_000, offset=1000.0).astype(np.float32)
    assert_moments_of(gather(np.split(features, 40), 7).result(), features, rtol=1e-9)


def test_a_large_mean_does_not_drown_the_covariance():
    features = some_features()
    centred = gather([features], 7).result().covariance
    shifted = gather([features + 1e6], 7).result().covariance
    np.testing.assert_allclose(shifted, centred, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("count", [0, 1])
def test_one_image_has_no_covariance(count):
    with pytest.raises(ValueError, match=f"at least 2 images. Received {count}"):
        gather([np.ones((count, 3))], 3).result()


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.ones((4, 2)), r"Expected features \[n, 3\]. Received \[4, 2\]"),
        (np.ones(3), r"Received \[3\]"),
        (np.array([[0.0, np.nan, 0.0]]), "finite"),
        (np.array([[0.0, np.inf, 0.0]], np.float32), "finite"),
    ],
)
def test_bad_features_are_refused(features, message):
    moments = gather([some_features(5, 3)], 3)
    with pytest.raises(ValueError, match=message):
        moments.add(features)
    assert_moments_of(moments.result(), some_features(5, 3))


def test_statistics_survive_a_file(tmp_path):
    moments = gather([some_features()], 7).result()
    path = tmp_path / "folder" / "stats.npz"
    write_statistics(path, moments)
    again = read_statistics(path)
    np.testing.assert_array_equal(again.mean, moments.mean)
    np.testing.assert_array_equal(again.covariance, moments.covariance)
    assert again.num_images == 3000
    assert again.digest() == moments.digest()
    # As other tools read it.
    with np.load(path) as arrays:
        assert set(arrays.files) == {"mu", "sigma", "num_images"}
        np.testing.assert_array_equal(arrays["mu"][:], moments.mean)
        np.testing.assert_array_equal(arrays["sigma"][:], moments.covariance)


def test_statistics_of_other_tools_are_read(tmp_path):
    # The guided-diffusion files have spatial statistics as well, some tools store float32.
    sigma = np.eye(3, dtype=np.float32)
    sigma[0, 1], sigma[1, 0] = 0.5, np.float32(0.5) + np.float32(1e-7)
    path = save(
        tmp_path / "a.npz",
        mu=np.arange(3, dtype=np.float32),
        sigma=sigma,
        mu_s=np.array([None, "anything"]),
        sigma_s=np.zeros(2),
    )
    moments = read_statistics(path)
    assert moments.num_images is None
    assert moments.mean.dtype == moments.covariance.dtype == np.float64
    np.testing.assert_array_equal(moments.covariance, moments.covariance.T)
    write_statistics(tmp_path / "b.npz", moments)
    assert read_statistics(tmp_path / "b.npz").num_images is None


def test_digest_is_of_the_numbers():
    moments = gather([some_features()], 7).result()
    again = Moments(moments.mean.copy(), np.asfortranarray(moments.covariance), None)
    assert again.digest() == moments.digest()
    other = Moments(moments.mean, moments.covariance * (1 + 1e-15), 3000)
    assert other.digest() != moments.digest()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mu": np.zeros(3)}, "lacks sigma"),
        ({"mean": np.zeros(3)}, "lacks mu and sigma"),
        ({"mu": np.zeros(3), "sigma": np.eye(4)}, r"received \[3\] and \[4, 4\]"),
        ({"mu": np.zeros((1, 3)), "sigma": np.eye(3)}, r"received \[1, 3\]"),
        ({"mu": np.zeros(0), "sigma": np.zeros((0, 0))}, r"received \[0\]"),
        ({"mu": np.zeros(2), "sigma": np.array([[1, 2], [0, 1.0]])}, "not symmetric"),
        ({"mu": np.zeros(2), "sigma": -np.eye(2)}, "negative variances"),
        ({"mu": np.array([0, np.nan]), "sigma": np.eye(2)}, "not finite"),
        ({"mu": np.zeros(2), "sigma": np.diag([np.inf, 1])}, "not finite"),
        ({"mu": np.zeros(2), "sigma": np.eye(2, dtype=complex)}, "complex128"),
        ({"mu": np.array(["a", "b"]), "sigma": np.eye(2)}, "<U1"),
        ({"mu": np.array([None, 1]), "sigma": np.eye(2)}, "cannot be read"),
        ({"mu": np.zeros(2), "sigma": np.eye(2), "num_images": np.float64(7)}, "num_images is 7.0"),
        ({"mu": np.zeros(2), "sigma": np.eye(2), "num_images": np.int64(1)}, "num_images is 1"),
    ],
)
def test_files_without_moments_are_refused(tmp_path, arrays, message):
    path = save(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ValueError, match=message) as error:
        read_statistics(path)
    assert str(path) in str(error.value)


@hypothesis.given(position=st.integers(0, 700), data=st.binary(min_size=1, max_size=20))
@hypothesis.settings(max_examples=200)
def test_damaged_files_are_refused_or_harmless(tmp_path_factory, position, data):
    path = save(tmp_path_factory.getbasetemp() / "x.npz", mu=np.zeros(2), sigma=np.eye(2))
    content = path.read_bytes()
    path.write_bytes(content[:position] + data + content[position + len(data) :])
    try:
        moments = read_statistics(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        # The damage hit a date or another thing that does not matter.
        np.testing.assert_array_equal(moments.mean, np.zeros(2))
        np.testing.assert_array_equal(moments.covariance, np.eye(2))


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_files_that_are_cut_off_are_refused(tmp_path, size):
    path = save(tmp_path / "x.npz", mu=np.zeros(2), sigma=np.eye(2))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="cannot be read"):
        read_statistics(path)


def test_an_array_without_an_archive_is_refused(tmp_path):
    np.save(tmp_path / "mu.npy", np.zeros(3))
    with pytest.raises(ValueError, match="cannot be read"):
        read_statistics(tmp_path / "mu.npy")


def test_missing_files_and_strange_names(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file of statistics .*none\.npz"):
        read_statistics(tmp_path / "none.npz")
    with pytest.raises(ValueError, match=r"ends with \.npz. Received stats\.pkl"):
        write_statistics("stats.pkl", gather([some_features()], 7).result())
