# VcitaDocs - the commands and configurations of the documents, and what t/docs.rows says of them.
#
#   for my $b (VcitaDocs::blocks('README.md')) { file, line, language, text, kind }
#       kind: sh (commands), nginx, text, or the language of any other block
#   VcitaDocs::commands($b)       of a block of commands: { file, line, text }, a whole command each
#   VcitaDocs::rows()             t/docs.rows: { file, begins, how => [ [ key, value ], ... ], line, used }
#   VcitaDocs::row($thing)        the row of a block or command, if there is one, which is then used
#   VcitaDocs::diffs('CONTRIBUTING.md')   its blocks of diff, as one patch
#   VcitaDocs::script('README.md')   the document's commands as one shell script, as the rows say
package VcitaDocs;

use strict;
use warnings;

use IPC::Open3 ();

my $ROWS = 't/docs.rows';
my %KEYS = map { $_ => 1 } qw( elsewhere whole text file context as input before then );
my $Rows;


sub documents { return grep { -f } qw( README.md CONTRIBUTING.md ), (sort glob 'docs/*.md'), 'examples/sandbox/README.md' }


sub blocks {
    my ($file) = @_;
    my ($n, $open, @blocks) = (0);

    open my $fh, '<', $file or die "$file: $!\n";
    while (my $line = <$fh>) {
        $n++;
        if ($open && $line =~ /^\Q$open->{indent}\E```\s*$/) {
            push @blocks, $open;
            undef $open;
        } elsif ($open) {
            $open->{text} .= $line =~ s/^\Q$open->{indent}\E//r;
        } elsif ($line =~ /^(\s*)```\s*(\w*)/) {
            $open = { file => $file, line => $n + 1, indent => $1, language => $2, text => '' };
        }
    }
    die "$file:$open->{line}: a block without end\n" if $open;

    for my $b (@blocks) {
        my $is = $b->{language} =~ /^(?:|sh|shell|bash|console)$/ ? 'sh' : $b->{language};
        my $row = row($b);
        $b->{kind} = $row && grep({ $_->[0] eq 'text' } @{ $row->{how} }) ? 'text' : $is;
    }
    return @blocks;
}


# lines are put together until the shell takes them for whole
sub commands {
    my ($block) = @_;
    my ($n, $text, $from, @commands) = ($block->{line}, '');

    for my $line (split /^/, $block->{text}) {
        $from = $n if !length $text;
        $n++;
        $text .= $line;
        next if $text =~ /\\\n\z/ || !whole($text);
        push @commands, { file => $block->{file}, line => $from, text => $text } if $text =~ /^\s*[^#\s]/m;
        $text = '';
    }
    die "$block->{file}:$from: no command of the shell; if it is none: \"text\" in $ROWS: $text" if length $text;
    return @commands;
}

sub whole {
    my ($text) = @_;
    my $pid = IPC::Open3::open3(my $in, my $out, undef, qw( bash -n ));
    print $in $text;
    close $in;
    my @said = <$out>;
    waitpid $pid, 0;
    return !$? && !grep { /here-document/ } @said;
}


# -- the table -------------------------------------------------------------------------------------

sub rows {
    return @$Rows if $Rows;

    my $n = 0;
    $Rows = [];
    open my $fh, '<', $ROWS or die "$ROWS: $!\n";
    while (my $line = <$fh>) {
        $n++;
        next if $line =~ /^\s*(?:#|$)/;
        if ($line =~ /^(\S+\.md): (.*?)\s*$/) {
            push @$Rows, { file => $1, begins => $2, how => [], line => $n, used => 0 };
        } elsif ($line =~ /^\s+(\w+): (.*?)\s*$/ && $KEYS{$1} && @$Rows) {
            push @{ $Rows->[-1]{how} }, [ $1, $2 ];
        } else {
            die "$ROWS:$n: not a row\n";
        }
    }
    return @$Rows;
}


# "*" is any block of a document that names no language, "end" is after its last command
sub row {
    my ($thing) = @_;
    my $text = $thing->{text} =~ s/^\s+//r;

    for my $row (grep { $_->{file} eq $thing->{file} } rows()) {
        next if $row->{begins} eq '*' ? ($thing->{language} // '-') ne '' : index $text, $row->{begins};
        $row->{used}++;
        return $row;
    }
    return undef;
}

sub said { my ($row, $key) = @_; return $row ? map { $_->[1] } grep { $_->[0] eq $key } @{ $row->{how} } : () }


# -- to be run -------------------------------------------------------------------------------------

# For a shell that stops at the first failure ("worked" is for those that set -e lets pass: a && b, ! a), has
# step WHAT, and in $last a file for the output of a command.
sub script {
    my ($file) = @_;
    my @out;

    for my $b (blocks($file)) {
        my $row = row($b);

        if (my ($to) = said($row, 'file')) {
            push @out, at($b, "writes $to"), map({ "$_\n" } said($row, 'before')),
                "cat > $to <<'END_OF_FILE'\n$b->{text}END_OF_FILE\n", map { "$_\n" } said($row, 'then');
        }
        push @out, map { script_of($_) } commands($b) if $b->{kind} eq 'sh' && !said($row, 'whole');
    }
    push @out, map { (at({ file => $file, line => 'end' }, $_), "$_\n") } map { said($_, 'then') }
        row({ file => $file, text => 'end' }) // ();
    return join '', @out;
}

sub script_of {
    my ($command) = @_;
    my $row = row($command);
    return if said($row, 'elsewhere');

    my $as_is = $command->{text} =~ s/\s+\z//r;
    my $text = ((said($row, 'as'))[0] // '{}') =~ s/\{\}/$as_is/r;
    my ($input) = said($row, 'input');
    my ($from, @then) = (defined $input ? " < <($input)" : '', said($row, 'then'));
    my $keeps = grep({ /\$last/ } @then) ? ' > "$last"' : '';
    return (at($command, $text =~ /^(.*)/), map({ "$_\n" } said($row, 'before')),
            $from || $keeps ? "{ $text\n}$from$keeps\n" : "$text\n", "worked \$?\n", map { "$_\n" } @then);
}

sub diffs { return join '', map { $_->{text} } grep { $_->{language} eq 'diff' } blocks($_[0]) }


# where the script is in the document
sub at {
    my ($thing, $what) = @_;
    $what =~ s/'/'\\''/g;
    return "at='$thing->{file}:$thing->{line}'; step '$what'\n";
}


1;
